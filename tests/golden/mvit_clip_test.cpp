// MViT for clips against torchvision's in float64: the tokens that enter the first block, every
// block, the logits.
#include "../end_to_end/attention_oracle.h"
#include "golden.h"
#include "heed/dsl/nn/mvit_clip.h"

using namespace heed;

namespace {

constexpr dim B{"B"};

using FullClip = tensor<f32, B, 3, 16, 224, 224>;
using Clip = tensor<f32, B, 3, 4, 64, 64>;
using OneReduced = nn::mvit_clip<false, 4, 64, 96, 8, 10, 1, 2, 2, 1>;
using TwoReduced = nn::mvit_clip<true, 4, 64, 96, 8, 10, 1, 2, 1, 1>;

// The file's first `batch` clips.
template <class Model, class Input>
void run(const std::string& file, Sizes clips, int blocks, std::int64_t stride,
         const golden::Way& way) {
  std::printf("%s batch %d target %s fusion %s\n", file.c_str(), int(clips[0]), way.target.c_str(),
              way.fusion.c_str());
  std::vector<std::string> probes = {"embed"};
  for (int block = 0; block < blocks; ++block)
    probes.push_back("blocks." + std::to_string(block) + ".tokens");
  Program program = load<Model, Input>(way.options(probes));
  Session session = program.bind(formula_checkpoint(program.parameters()));
  Checkpoint expected = golden::reference(file);
  Results results = session.run(golden::formula_tensor("input", clips));
  auto compare = [&](const std::string& name, const Tensor& found, std::int64_t step) {
    const Tensor all = expected.read(name);
    const std::size_t count =
        (found.as<float>().size() + std::size_t(step) - 1) / std::size_t(step);
    golden::check(name.c_str(), found.as<float>(), all.as<float>().first(count), step);
  };
  compare("embed", results.probe("embed"), stride);
  for (int block = 0; block < blocks; ++block) {
    const std::string name = "blocks." + std::to_string(block);
    compare(name, results.probe(name + ".tokens"), stride);
  }
  compare("logits", results[0], 1);
}

}  // namespace

TEST_CASE("MViT of a small clip") {
  for (const golden::Way& way :
       {golden::Way{"reference", "all"}, {"host", "none"}, {"host", "all"}})
    run<OneReduced, Clip>("mvit_v1_64.safetensors", {2, 3, 4, 64, 64}, 6, 7, way);
}

TEST_CASE("large: MViTv1-B and MViTv2-S" * doctest::skip()) {
  for (const char* fusion : {"none", "all"}) {
    run<nn::mvit_v1_b, FullClip>("mvit_v1_b.safetensors", {1, 3, 16, 224, 224}, 16, 1999,
                                 {"host", fusion});
    run<nn::mvit_v2_s, FullClip>("mvit_v2_s.safetensors", {1, 3, 16, 224, 224}, 16, 1999,
                                 {"host", fusion});
  }
}

// The class token goes past the pooling, so tokens are copied where it is taken off and put back.
// Bytes of one clip.
TEST_CASE("large: what MViTv1-B and MViTv2-S move outside of contract, attention and rows" *
          doctest::skip()) {
  const std::string one = oracle::fused_main<nn::mvit_v1_b, FullClip>(),
                    two = oracle::fused_main<nn::mvit_v2_s, FullClip>();
  CHECK(oracle::kernels(one) == "attention 16 contract 69 rows 106 map 150");
  CHECK(oracle::moved_bytes(one) == "1562292864*B+768");
  CHECK(oracle::kernels(two) == "attention 16 contract 117 rows 132 map 219");
  CHECK(oracle::moved_bytes(two) == "2331051008*B+384");
}

TEST_CASE("MViTv2 of a small clip") {
  for (const golden::Way& way :
       {golden::Way{"reference", "all"}, {"host", "none"}, {"host", "all"}, {"x86-64", "all"}})
    run<TwoReduced, Clip>("mvit_v2_clip_64.safetensors", {2, 3, 4, 64, 64}, 5, 7, way);
}
