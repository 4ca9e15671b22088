// The two-layer perceptron of a transformer block, fc2(gelu(fc1(x))).
#pragma once
#include "heed/dsl/nn/linear.h"

namespace heed::nn {

template <std::int64_t Features, std::int64_t Hidden>
struct mlp {
  sub<"fc1", linear<Features, Hidden>> fc1;
  sub<"fc2", linear<Hidden, Features>> fc2;
  constexpr auto operator()(expression auto x) const { return fc2(gelu(fc1(x))); }
};

}  // namespace heed::nn
