// Swin's blocks at the shapes of its four stages, shifted and not, and at sizes that a window does
// not divide: one attention kernel over images as they lie, four projections, two norms, nothing
// else; against double.
#include <doctest/doctest.h>

#include "attention_oracle.h"
#include "heed/dsl/nn/windows.h"
#include "swin_oracle.h"

using namespace heed;

namespace {

constexpr dim B{"B"};
constexpr std::int64_t W = 7;

// attn_mask[window][i][j] as timm computes it: -100 between pieces that are no neighbours.
template <std::int64_t Window, std::int64_t Shift, dim Batch, dim Height, dim Width>
struct table_mask {
  static constexpr std::int64_t rows = Height.constant / Window, columns = Width.constant / Window,
                                area = Window * Window;
  struct filler {
    static void fill(std::span<float> out) {
      auto piece = [](std::int64_t at, std::int64_t extent) {
        return at < extent - Window ? 0 : at < extent - Shift ? 1 : 2;
      };
      auto of = [&](std::int64_t window, std::int64_t at) {
        return 3 * piece(window / columns * Window + at / Window, Height.constant) +
               piece(window % columns * Window + at % Window, Width.constant);
      };
      for (std::int64_t n = 0; n < std::int64_t(out.size()); ++n)
        out[std::size_t(n)] =
            of(n / (area * area), n / area % area) == of(n / (area * area), n % area) ? 0.f
                                                                                      : -100.f;
    }
  };
  static constexpr auto apply(expression auto scores) {
    constexpr dim windows = size<0>(scores), heads = size<1>(scores);
    auto mask = buffer<"attn_mask", tensor<f32, rows * columns, 1, area, area>, filler>;
    auto masked = reshape<Batch, rows * columns, heads, area, area>(scores) + mask;
    return reshape<windows, heads, area, area>(masked);
  }
};

const char* const fused_kernels = "attention 1 contract 4 rows 2";

template <class Model, std::int64_t Height, std::int64_t Width, std::int64_t Features>
void check(std::int64_t heads, std::int64_t shift,
           std::vector<std::pair<const char*, const char*>> ways) {
  if (const char* only = std::getenv("HEED_ORACLE_TARGET")) ways = {{only, "all"}, {only, "none"}};
  using Image = tensor<f32, B, Height, Width, Features>;
  const std::string ir = oracle::fused_main<Model, Image>();
  CHECK(oracle::kernels(ir) == fused_kernels);
  CHECK(oracle::moved_bytes(ir) == "0");
  Tensor image = oracle::formula_tensor("image", {2, Height, Width, Features});
  std::vector<double> exact =
      oracle::SwinBlock({2, Height, Width, Features, heads, W, shift}).run(image.as<float>());
  std::vector<float> expected(exact.begin(), exact.end());
  for (auto [target, fusion] : ways) {
    CAPTURE(target);
    CAPTURE(fusion);
    Options options;
    options.target = target;
    options.fusion = fusion;
    Program program = load<Model, Image>(options);
    Session session = program.bind(formula_checkpoint(program.parameters()));
    CHECK(oracle::difference(Tensor(session.run(image)).as<float>(), expected) < 1e-5);
  }
}

template <std::int64_t Side, std::int64_t Features, std::int64_t Heads>
void check_stage(const std::vector<std::pair<const char*, const char*>>& ways = {
                     {"host", "all"}, {"host", "none"}, {"x86-64", "all"}}) {
  check<nn::swin_block<Features, Heads, W, 0>, Side, Side, Features>(Heads, 0, ways);
  check<nn::swin_block<Features, Heads, W, 3>, Side, Side, Features>(Heads, 3, ways);
}

}  // namespace

TEST_CASE("stage 1") { check_stage<56, 96, 3>(); }
TEST_CASE("stage 2") { check_stage<28, 192, 6>(); }
TEST_CASE("stage 3") {
  check_stage<14, 384, 12>({{"host", "all"},
                            {"host", "layout"},
                            {"host", "none"},
                            {"x86-64-avx2", "all"},
                            {"reference", "all"}});
}
TEST_CASE("stage 4, of one window") {
  check<nn::swin_block<768, 24, W, 0>, 7, 7, 768>(
      24, 0, {{"host", "all"}, {"host", "none"}, {"reference", "all"}});
}

TEST_CASE("the mask as a table") {
  check<nn::swin_block<96, 3, W, 3, table_mask>, 28, 28, 96>(
      3, 3, {{"host", "all"}, {"host", "none"}, {"reference", "all"}});
}

TEST_CASE("sizes that the window does not divide") {
  check<nn::swin_block<96, 3, W, 0>, 58, 78, 96>(3, 0, {{"host", "all"}, {"host", "none"}});
  check<nn::swin_block<96, 3, W, 3>, 58, 78, 96>(
      3, 3, {{"host", "all"}, {"host", "layout"}, {"host", "none"}, {"x86-64", "all"}});
  check<nn::swin_block<32, 2, W, 3>, 9, 13, 32>(
      2, 3, {{"host", "all"}, {"reference", "all"}, {"reference", "none"}});
}

TEST_CASE("one program for images of all sizes, of one window too") {
  constexpr dim H{"H"}, V{"W"};
  constexpr std::int64_t features = 32, heads = 2, batch = 2;
  for (auto [target, fusion] : {std::pair{"host", "all"}, {"reference", "all"}}) {
    CAPTURE(target);
    Options options;
    options.target = target;
    options.fusion = fusion;
    Program program =
        load<nn::swin_block<features, heads, W, 3>, tensor<f32, B, H, V, features>>(options);
    Session session = program.bind(formula_checkpoint(program.parameters()));
    for (auto [height, width] :
         {std::pair<std::int64_t, std::int64_t>{14, 21}, {7, 7}, {6, 15}, {16, 7}, {17, 9}}) {
      CAPTURE(height);
      CAPTURE(width);
      Tensor image = oracle::formula_tensor("image", {batch, height, width, features});
      std::vector<double> exact =
          oracle::SwinBlock({batch, height, width, features, heads, W, 3}).run(image.as<float>());
      std::vector<float> expected(exact.begin(), exact.end());
      CHECK(oracle::difference(Tensor(session.run(image)).as<float>(), expected) < 1e-5);
    }
  }
}
