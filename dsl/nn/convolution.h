// Convolution of images with its weights and bias, as torch.nn.Conv2d. Parameters take the dtype of
// the input.
#pragma once
#include "heed/dsl/dsl.h"

namespace heed::nn {

template <std::int64_t In, std::int64_t Out, int Kernel, int Stride = 1, int Padding = 0,
          bool Bias = true, int Dilation = 1, int Groups = 1>
struct convolution {
  static constexpr graph::Problem check(const TensorType& x) {
    if (x.shape.rank != 4) return graph::problem(message::rank_differs, Dim(x.shape.rank), Dim(4));
    if (!(x.shape[1] == Dim(In)))
      return graph::problem(message::weight_channels_differ, Dim(In), x.shape[1]);
    return graph::no_problem;
  }
  constexpr auto operator()(expression auto x) const {
    constexpr DType e = dtype_of(x);
    auto y = conv2d<Stride, Padding, Dilation, Groups>(
        x, param<"weight", tensor<e, Out, In / Groups, Kernel, Kernel>>);
    if constexpr (Bias) return y + reshape<Out, 1, 1>(param<"bias", tensor<e, Out>>);
    else return y;
  }
};

}  // namespace heed::nn
