// DETR-R50 against transformers' in float64, one program for images of any size: what enters the
// encoder, what leaves it, the decoder's queries, scores and boxes.
#include "../end_to_end/attention_oracle.h"
#include "golden.h"
#include "heed/dsl/nn/detr.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, H{"H"}, W{"W"};

struct Size {
  std::int64_t height, width, stride;
};

template <class Image>
void run(std::initializer_list<Size> images, const std::string& target, const std::string& fusion) {
  Options options;
  options.target = target;
  options.fusion = fusion;
  for (const char* name : {"cells", "memory", "found"})
    options.probes.push_back(std::string("model.") + name);
  Program program = load<nn::detr_r50, Image>(options);
  Session session = program.bind(formula_checkpoint(program.parameters()));
  for (const Size& s : images) {
    const std::string file =
        "detr_" + std::to_string(s.height) + "x" + std::to_string(s.width) + ".safetensors";
    std::printf("%s target %s fusion %s\n", file.c_str(), target.c_str(), fusion.c_str());
    Checkpoint expected = golden::reference(file);
    Results results = session.run(golden::formula_tensor("input", {1, 3, s.height, s.width}));
    for (const char* name : {"cells", "memory", "found"})
      golden::check(name, results.probe(std::string("model.") + name).as<float>(),
                    expected.read(name).as<float>(), s.stride);
    golden::check("logits", results[0].as<float>(), expected.read("logits").as<float>());
    golden::check("boxes", results[1].as<float>(), expected.read("boxes").as<float>());
  }
}

constexpr Size tiny{64, 96, 1}, odd{333, 517, 17}, medium{480, 640, 17}, large{800, 1066, 37};

// The scores of an encoder are [batch, 8, cells, cells], which has more factors than a symbolic
// dimension: where they get a buffer, the size of the image must be known.
using any = tensor<f32, B, 3, H, W>;

}  // namespace

TEST_CASE("DETR on a small image, on the lesser targets") {
  run<any>({tiny}, "x86-64-avx2", "all");
  run<tensor<f32, B, 3, 64, 96>>({tiny}, "x86-64", "none");
}

TEST_CASE("DETR on images of several sizes, one program") {
  run<any>({tiny, medium, odd, large}, "host", "all");
}

// Positions are made, and added to what a layer makes both queries and keys of: 7.6 MB of tables,
// and 13.4 MB an image of 800 × 1066.
TEST_CASE("large: what DETR moves outside of contract, attention and rows" * doctest::skip()) {
  const std::string ir = oracle::fused_main<nn::detr_r50, any>();
  CHECK(oracle::kernels(ir) == "attention 18 contract 154 rows 32 map 16");
  CHECK(oracle::moved_bytes(ir) ==
        "14336*B*floor((H+31)/32)*floor((W+31)/32)+1228800*B+8192*floor((H+31)/32)*floor((W+31)/"
        "32)+614400");
}

TEST_CASE("DETR on a photograph, every op a kernel") {
  for (const char* fusion : {"none", "layout"})
    run<tensor<f32, B, 3, 333, 517>>({odd}, "host", fusion);
}
