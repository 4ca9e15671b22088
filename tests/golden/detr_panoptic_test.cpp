// DETR that paints its objects against transformers' in float64: where the queries look, scores, boxes, masks.
#include "golden.h"
#include "heed/dsl/nn/detr_panoptic.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, H{"H"}, W{"W"};

static_assert(manifest<nn::detr_panoptic_r50, tensor<f32, B, 3, H, W>>.elements == 43'005'528);

template <class Image>
void run(const golden::Way& way) {
  std::printf("target %s fusion %s\n", way.target.c_str(), way.fusion.c_str());
  Program program = load<nn::detr_panoptic_r50, Image>(way.options({"bbox_attention.attention"}));
  Session session = program.bind(formula_checkpoint(program.parameters()));
  Checkpoint expected = golden::reference("detr_panoptic_64x96.safetensors");
  Results results = session.run(golden::formula_tensor("input", {1, 3, 64, 96}));
  golden::check("attention", results.probe("bbox_attention.attention").as<float>(), expected.read("bbox_attention").as<float>(), 7);
  golden::check("logits", results[0].as<float>(), expected.read("logits").as<float>(), 7);
  golden::check("boxes", results[1].as<float>(), expected.read("boxes").as<float>());
  golden::check("masks", results[2].as<float>(), expected.read("masks").as<float>(), 7);
}

using any = tensor<f32, B, 3, H, W>;

}  // namespace

TEST_CASE("panoptic DETR, one program for images of any size") { run<any>({"host", "all"}); }

// Where every op is a kernel the size must be known, as for DETR.
TEST_CASE("large: panoptic DETR on the other targets and levels" * doctest::skip()) {
  run<any>({"reference", "all"});
  run<any>({"x86-64-avx2", "all"});
  for (const char* fusion : {"none", "layout"}) run<tensor<f32, B, 3, 64, 96>>({"host", fusion});
  run<tensor<f32, B, 3, 64, 96>>({"x86-64", "none"});
}
