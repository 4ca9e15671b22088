// Swin against timm's SwinTransformer in float64, and against transformers' where sizes are padded:
// the embedded patches, every block, the logits.
#include "heed/dsl/nn/swin.h"
#include "stages.h"

using namespace heed;

namespace {

constexpr dim B{"B"};

using golden::Stages;
const Stages full{"swin_t.safetensors", "layers", 224, 224, {2, 2, 6, 2}, 211};
const Stages larger{"swin_b.safetensors", "layers", 224, 224, {2, 2, 18, 2}, 211};
const Stages padded{"swin_230x310.safetensors", "layers", 230, 310, {2, 2, 2, 2}, 211};
const Stages reduced{"swin_56.safetensors", "layers", 56, 56, {2, 1}, 7};

using Padded = nn::swin_transformer<4, 7, 3, 96, 3, 10, 2, 2, 2, 2>;
using Reduced = nn::swin_transformer<4, 7, 3, 96, 3, 10, 2, 1>;

template <class Model, std::int64_t Height, std::int64_t Width>
void run(const Stages& c, std::int64_t batch, const std::string& target,
         const std::string& fusion) {
  golden::run_stages<Model, tensor<f32, B, 3, Height, Width>>(c, batch, target, fusion);
}

// What a shifted block does to its scores: as it should, or not.
enum class Mutation { none, mask, bias, scale };
template <Mutation M>
struct mutated {
  template <std::int64_t W, std::int64_t Shift, dim Batch, dim Height, dim Width>
  struct mask {
    static constexpr auto apply(expression auto scores) {
      using right = nn::shift_mask<W, Shift, Batch, Height, Width>;
      if constexpr (M == Mutation::none) return right::apply(scores);
      else if constexpr (M == Mutation::mask) return scores;
      else if constexpr (M == Mutation::bias)
        return right::apply(where(position<-1>() == position<-2>(), scores + scalar<0.01>, scores));
      else return right::apply(scores * scalar<1.01>);
    }
  };
  sub<"patch_embed", nn::swin_embedding<3, 96, 4>> patch_embed;
  sub<"layers.0.blocks.0", nn::swin_block<96, 3, 7, 0>> plain;
  sub<"layers.0.blocks.1", nn::swin_block<96, 3, 7, 3, mask>> shifted;
  constexpr auto operator()(expression auto image) const {
    return shifted(plain(patch_embed(image)));
  }
};

template <Mutation M>
bool agrees() {
  Program program = load<mutated<M>, tensor<f32, B, 3, 56, 56>>();
  Session session = program.bind(formula_checkpoint(program.parameters()));
  const Tensor expected = golden::reference(reduced.file).read("layers.0.blocks.1");
  const Results found = session.run(golden::formula_tensor("input", {2, 3, 56, 56}));
  return golden::compare(found[0].as<float>(), expected.as<float>(), reduced.stride)
      .within(golden::f32_tolerance);
}

}  // namespace

TEST_CASE("Swin of two stages") {
  for (const golden::Way& way : golden::crossed_ways())
    run<Reduced, 56, 56>(reduced, 2, way.target, way.fusion);
  for (const char* fusion : {"none", "layout"}) run<Reduced, 56, 56>(reduced, 2, "host", fusion);
}

TEST_CASE("whole: sizes that neither patches, merges nor windows divide") {
  for (const char* fusion : {"none", "layout", "all"})
    run<Padded, 230, 310>(padded, 2, "host", fusion);
}

TEST_CASE("whole: Swin-T") {
  for (const std::int64_t batch : {1, 3}) run<nn::swin_t, 224, 224>(full, batch, "host", "all");
  run<nn::swin_t, 224, 224>(full, 1, "host", "none");
}

TEST_CASE("a wrong mask, bias or scale is seen") {
  CHECK(agrees<Mutation::none>());
  CHECK(!agrees<Mutation::mask>());
  CHECK(!agrees<Mutation::bias>());
  CHECK(!agrees<Mutation::scale>());
}

TEST_CASE("large: Swin-B" * doctest::skip()) {
  for (const char* fusion : {"none", "all"}) run<nn::swin_b, 224, 224>(larger, 1, "host", fusion);
}

TEST_CASE("Swin on the reference target" * doctest::skip()) {
  for (const char* fusion : {"none", "all"})
    run<nn::swin_t, 224, 224>(full, 1, "reference", fusion);
  run<Padded, 230, 310>(padded, 2, "reference", "all");
}
