// Convolution (cross-correlation, as in torch): x [batch, channels, height, width], weight
// [outputs, channels / groups, kh, kw]; of clips x [batch, channels, time, height, width] and one
// more axis of the kernel.
#pragma once
#include "heed/dsl/scalar.h"

namespace heed {

// One number for each axis of a clip: each{1, 2, 2}.
struct each {
  std::int64_t time, height, width;
  constexpr bool operator==(const each&) const = default;
};

namespace ops {
template <int Stride, int Padding, int Dilation, int Groups>
struct conv2d : op<OpCode::conv2d> {
  static constexpr std::int64_t ints[] = {Stride, Padding, Dilation, Groups};
  static constexpr graph::Attributes with{ints, 4};
};
template <each Stride, each Padding, each Dilation, int Groups>
struct conv3d : op<OpCode::conv3d> {
  static constexpr std::int64_t ints[] = {
      Stride.time,   Stride.height, Stride.width,    Padding.time,   Padding.height,
      Padding.width, Dilation.time, Dilation.height, Dilation.width, Groups};
  static constexpr graph::Attributes with{ints, 10};
};
}  // namespace ops

template <int Stride = 1, int Padding = 0, int Dilation = 1, int Groups = 1, operand X, operand W>
  requires fine<result<ops::conv2d<Stride, Padding, Dilation, Groups>, X, W>>
constexpr result<ops::conv2d<Stride, Padding, Dilation, Groups>, X, W> conv2d(X, W) { return {}; }
template <int Stride = 1, int Padding = 0, int Dilation = 1, int Groups = 1, operand X, operand W>
refused<result<ops::conv2d<Stride, Padding, Dilation, Groups>, X, W>> conv2d(X, W);

template <each Stride = each{1, 1, 1}, each Padding = each{0, 0, 0}, each Dilation = each{1, 1, 1},
          int Groups = 1, operand X, operand W>
  requires fine<result<ops::conv3d<Stride, Padding, Dilation, Groups>, X, W>>
constexpr result<ops::conv3d<Stride, Padding, Dilation, Groups>, X, W> conv3d(X, W) {
  return {};
}
template <each Stride = each{1, 1, 1}, each Padding = each{0, 0, 0}, each Dilation = each{1, 1, 1},
          int Groups = 1, operand X, operand W>
refused<result<ops::conv3d<Stride, Padding, Dilation, Groups>, X, W>> conv3d(X, W);

}  // namespace heed
