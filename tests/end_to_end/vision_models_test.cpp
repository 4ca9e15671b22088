// Whole networks: nothing is rolled, cut into windows, padded, transposed or copied by a kernel of its own.
#include <doctest/doctest.h>

#include "attention_oracle.h"
#include "heed/dsl/nn/mvit_v2.h"
#include "heed/dsl/nn/swin.h"

using namespace heed;

namespace {

constexpr dim B{"B"};

}  // namespace

TEST_CASE("Swin-T is attention, contractions and rows") {
  const std::string ir = oracle::fused_main<nn::swin_t, tensor<f32, B, 3, 224, 224>>();
  // a block: q, k, v; the projection; two layers; two norms. Merges: a norm and a contraction each. The rest embeds
  // the image, normalises, takes the mean and classifies.
  CHECK(oracle::kernels(ir) == "attention 12 contract 53 rows 30");
  CHECK(oracle::moved_bytes(ir) == "0");
}

TEST_CASE("Swin of a size that must be padded") {
  const std::string ir = oracle::fused_main<nn::swin_transformer<4, 7, 3, 96, 3, 10, 2, 2, 2, 2>, tensor<f32, B, 3, 230, 310>>();
  CHECK(oracle::kernels(ir) == "attention 8 contract 37 rows 22");
  CHECK(oracle::moved_bytes(ir) == "0");
}

TEST_CASE("MViTv2-T") {
  const std::string ir = oracle::fused_main<nn::mvitv2_tiny, tensor<f32, B, 3, 224, 224>>();
  // A block: q, k, v; two products of queries and distances; the projection; two layers; norms and pooling are rows.
  // Three shortcuts are projected and pooled.
  CHECK(oracle::kernels(ir) == "attention 10 contract 65 rows 85");
  CHECK(oracle::moved_bytes(ir) == "0");
}
