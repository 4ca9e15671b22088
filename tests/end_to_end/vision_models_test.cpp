// Whole networks: nothing is rolled, cut into windows, padded, transposed or copied by a kernel of
// its own.
#include <doctest/doctest.h>

#include "attention_oracle.h"
#include "heed/dsl/nn/mvit_v2.h"
#include "heed/dsl/nn/swin.h"

#include "../../examples/vitvscnn/reach.h"

using namespace heed;

namespace {

constexpr dim B{"B"};

// Two convolutions of 3 × 3, the first of which halves the image, and pooling; past them goes the
// image as it is.
struct narrow_and_wide {
  sub<"first", nn::convolution<2, 2, 3, 2, 1>> first;
  sub<"second", nn::convolution<2, 2, 3, 1, 1, true, 2>> second;
  constexpr auto operator()(expression auto x) const {
    auto half = first(x);
    return probe<"sum">(half + pad<3, 1, 1>(pad<2, 1, 1>(second(max_pool2d<3, 1, 1>(half)))));
  }
};

}  // namespace

TEST_CASE("how far attention and convolutions reach") {
  // A class token and 2 × 2 cells of 4 pixels. The first query looks at the class and itself, the
  // second at its two neighbours, the others at all cells alike.
  Tensor attention(DType::f32, {1, 1, 5, 5});
  const float rows[5][5] = {{1, 0, 0, 0, 0},
                            {.5, .5, 0, 0, 0},
                            {0, .5, 0, 0, .5},
                            {.2f, .2f, .2f, .2f, .2f},
                            {0, .25, .25, .25, .25}};
  std::copy_n(&rows[0][0], 25, attention.as<float>().begin());
  const double all = (4 + 4 + std::sqrt(32.0)) / 4;
  CHECK(examples::mean_attention_distance(attention, 8) ==
        doctest::Approx((0 + 4 + all + all) / 4));

  const auto& network = graph_of<narrow_and_wide, tensor<f32, B, 2, 16, 16>>;
  const auto fields = examples::receptive_fields(network);
  REQUIRE(fields.size() == 2);
  CHECK(fields[0].pixels == 3);
  CHECK(fields[1].module == "second");
  CHECK(fields[1].pixels == 3 + 2 * 2 + 4 * 2);
  CHECK(examples::probes_named(network, "sum") == std::vector<std::string>{"sum"});
}

TEST_CASE("Swin-T is attention, contractions and rows") {
  const std::string ir = oracle::fused_main<nn::swin_t, tensor<f32, B, 3, 224, 224>>();
  // a block: q, k, v; the projection; two layers; two norms. Merges: a norm and a contraction each.
  // The rest embeds the image, normalises, takes the mean and classifies.
  CHECK(oracle::kernels(ir) == "attention 12 contract 53 rows 30");
  CHECK(oracle::moved_bytes(ir) == "0");
}

TEST_CASE("Swin of a size that must be padded") {
  const std::string ir = oracle::fused_main<nn::swin_transformer<4, 7, 3, 96, 3, 10, 2, 2, 2, 2>,
                                            tensor<f32, B, 3, 230, 310>>();
  CHECK(oracle::kernels(ir) == "attention 8 contract 37 rows 22");
  CHECK(oracle::moved_bytes(ir) == "0");
}

TEST_CASE("MViTv2-T") {
  const std::string ir = oracle::fused_main<nn::mvitv2_tiny, tensor<f32, B, 3, 224, 224>>();
  // A block: q, k, v; two products of queries and distances; the projection; two layers; norms and
  // pooling are rows. Three shortcuts are projected and pooled.
  CHECK(oracle::kernels(ir) == "attention 10 contract 65 rows 85");
  CHECK(oracle::moved_bytes(ir) == "0");
}
