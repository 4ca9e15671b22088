// DETR that paints its objects against transformers' in float64: where the queries look, scores,
// boxes, masks.
#include "golden.h"
#include "heed/dsl/nn/detr_panoptic.h"

#include "../../examples/detr_panoptic/segments.h"

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
  golden::check("attention", results.probe("bbox_attention.attention").as<float>(),
                expected.read("bbox_attention").as<float>(), 7);
  golden::check("logits", results[0].as<float>(), expected.read("logits").as<float>(), 7);
  golden::check("boxes", results[1].as<float>(), expected.read("boxes").as<float>());
  golden::check("masks", results[2].as<float>(), expected.read("masks").as<float>(), 7);
}

using any = tensor<f32, B, 3, H, W>;

}  // namespace

TEST_CASE("panoptic DETR, one program for images of any size") { run<any>({"host", "all"}); }

TEST_CASE("each pixel to the segment with the largest mask") {
  // Two queries of stuff, 10, are one segment; query 1, a thing, wins a column, query 3 a single
  // cell, which is too few.
  Tensor masks(DType::f32, {1, 4, 4, 4});
  auto set = [&](std::int64_t query, std::int64_t y, std::int64_t x, float logit) {
    masks.as<float>()[std::size_t(query * 16 + y * 4 + x)] = logit;
  };
  for (std::int64_t y = 0; y < 4; ++y) {
    for (std::int64_t x = 0; x < 4; ++x) {
      set(0, y, x, y < 2 ? 1 : -1);
      set(2, y, x, y < 2 ? -1 : 1);
    }
    set(1, y, 3, 5);
  }
  set(3, 0, 0, 9);
  const std::vector<examples::Found> found = {
      {1, 3, .9, {}}, {0, 10, .8, {}}, {2, 10, .7, {}}, {3, 3, .6, {}}};
  const examples::Segmentation s = examples::segments_of(found, masks, 4, 4, 5);
  REQUIRE(s.segments.size() == 2);
  CHECK((s.segments[0].category == 10 && s.segments[0].query == 0 && s.segments[0].pixels == 11));
  CHECK((s.segments[1].category == 3 && s.segments[1].query == 1 && s.segments[1].pixels == 4));
  CHECK(s.owner == std::vector<int>{-1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1});
}

// Where every op is a kernel the size must be known, as for DETR.
TEST_CASE("large: panoptic DETR on the other targets and levels" * doctest::skip()) {
  run<any>({"reference", "all"});
  run<any>({"x86-64-avx2", "all"});
  for (const char* fusion : {"none", "layout"}) run<tensor<f32, B, 3, 64, 96>>({"host", fusion});
  run<tensor<f32, B, 3, 64, 96>>({"x86-64", "none"});
}
