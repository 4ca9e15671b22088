// x W^T + b, as torch.nn.Linear. Parameters take the dtype of the input.
#pragma once
#include "heed/dsl/dsl.h"

namespace heed::nn {

template <std::int64_t In, std::int64_t Out, bool Bias = true>
struct linear {
  static constexpr graph::Problem check(const TensorType& x) {
    if (x.shape.rank < 2) return graph::problem(message::rank_too_small, Dim(x.shape.rank), Dim(2));
    if (!(x.shape[-1] == Dim(In)))
      return graph::problem(message::weight_columns_differ, Dim(In), x.shape[-1]);
    return graph::no_problem;
  }
  constexpr auto operator()(expression auto x) const {
    constexpr DType e = dtype_of(x);
    auto y = matmul(x, transpose(param<"weight", tensor<e, Out, In>>));
    if constexpr (Bias) return y + param<"bias", tensor<e, Out>>;
    else return y;
  }
};

}  // namespace heed::nn
