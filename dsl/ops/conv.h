// Two-dimensional convolution, x [batch, channels, height, width], weight [outputs, channels / groups, kh, kw].
#pragma once
#include "heed/dsl/scalar.h"

namespace heed {

namespace ops {
template <int Stride, int Padding, int Dilation, int Groups>
struct conv2d : op<OpCode::conv2d> {
  static constexpr std::int64_t ints[] = {Stride, Padding, Dilation, Groups};
  static constexpr graph::Attributes with{ints, 4};
};
}  // namespace ops

template <int Stride = 1, int Padding = 0, int Dilation = 1, int Groups = 1, operand X, operand W>
  requires fine<result<ops::conv2d<Stride, Padding, Dilation, Groups>, X, W>>
constexpr result<ops::conv2d<Stride, Padding, Dilation, Groups>, X, W> conv2d(X, W) { return {}; }
template <int Stride = 1, int Padding = 0, int Dilation = 1, int Groups = 1, operand X, operand W>
refused<result<ops::conv2d<Stride, Padding, Dilation, Groups>, X, W>> conv2d(X, W);

}  // namespace heed
