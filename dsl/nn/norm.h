// Layer normalisation over the last axis, as torch.nn.LayerNorm.
#pragma once
#include "heed/dsl/dsl.h"

namespace heed::nn {

template <std::int64_t Features, double Epsilon = 1e-5>
struct layer_norm {
  static constexpr graph::Problem check(const TensorType& x) {
    if (x.shape.rank < 1) return graph::problem(message::rank_too_small, Dim(0), Dim(1));
    if (!(x.shape[-1] == Dim(Features)))
      return graph::problem(message::weight_length_differs, Dim(Features), x.shape[-1]);
    return graph::no_problem;
  }
  constexpr auto operator()(expression auto x) const {
    constexpr DType e = dtype_of(x);
    return normalize<Epsilon>(x, param<"weight", tensor<e, Features>>,
                              param<"bias", tensor<e, Features>>);
  }
};

}  // namespace heed::nn
