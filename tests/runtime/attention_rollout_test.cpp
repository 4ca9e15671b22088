#include "heed/runtime/attention_rollout.h"

#include <doctest/doctest.h>

#include "must_throw.h"

using namespace heed;
using heed::testing::check_error;

TEST_CASE("rollout: the mean over heads, half the identity, multiplied block by block") {
  AttentionRollout rollout;
  // Heads [[1, 0], [0, 1]] and [[0, 1], [0.5, 0.5]]: with the identity [[0.75, 0.25], [0.125,
  // 0.875]].
  rollout.add(
      Tensor::of<float>(DType::f32, {1, 2, 2, 2}, std::vector<float>{1, 0, 0, 1, 0, 1, 0.5, 0.5}));
  CHECK(rollout.tokens() == 2);
  CHECK(rollout.of(0)[1] == 0.25);
  CHECK(rollout.of(1)[0] == 0.125);
  // One head [[0, 1], [1, 0]]: with the identity all halves, the mean of the rows before.
  rollout.add(Tensor::of<float>(DType::f32, {1, 1, 2, 2}, std::vector<float>{0, 1, 1, 0}));
  for (int output : {0, 1}) {
    CHECK(rollout.of(output)[0] == 0.4375);
    CHECK(rollout.of(output)[1] == 0.5625);
  }
}

TEST_CASE("rollout: what does not fit is refused") {
  AttentionRollout rollout;
  rollout.add(Tensor(DType::f32, {1, 2, 3, 3}));
  check_error([&] { rollout.add(Tensor(DType::f32, {1, 2, 4, 4})); },
              {"a block of 4 tokens follows one of 3"});
  check_error([&] { rollout.add(Tensor(DType::f32, {2, 2, 3, 3})); },
              {"expected f32 [1, heads, tokens, tokens]", "[2, 2, 3, 3]"});
  check_error([&] { rollout.add(Tensor(DType::f32, {1, 2, 3, 4})); }, {"[1, 2, 3, 4]"});
  check_error([&] { rollout.of(3); }, {"no token 3 among 3"});
}
