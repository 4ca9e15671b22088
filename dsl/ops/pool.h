// Windows that slide along an axis, and what is reduced over them: pooling of images [..., height,
// width] and of clips
// [..., time, height, width].
#pragma once
#include "heed/dsl/ops/conv.h"
#include "heed/dsl/ops/layout.h"
#include "heed/dsl/ops/reduce.h"

namespace heed {

namespace ops {
template <int Axis, std::int64_t Size, std::int64_t Stride, std::int64_t Dilation,
          std::int64_t Before, std::int64_t After, double Value>
struct window : op<OpCode::window> {
  static constexpr std::int64_t ints[] = {Axis, Size, Stride, Dilation, Before, After};
  static constexpr double reals[] = {Value};
  static constexpr graph::Attributes with{ints, 6, nullptr, 0, reals, 1};
};
}  // namespace ops

namespace detail {

// The last `Count` axes as one.
template <int Count, class T>
struct Merged {
  static constexpr TensorType type = [] {
    TensorType t = type_of<T>;
    for (int n = 1; n < Count; ++n) {
      t.shape[-2] = t.shape[-2] * t.shape[-1];
      t.shape.dims[--t.shape.rank] = Dim();
    }
    return t;
  }();
};
template <int Count, class E>
consteval auto merge_last() {
  if constexpr (!expression<E>) return std::type_identity<E>{};
  else
    return std::type_identity<
        applied<ops::reshape<tensor_from<Merged<Count, typename E::type>>>, E>>{};
}
template <int Count, class E>
using merged_last = typename decltype(merge_last<Count, E>())::type;

template <int Axis, double Outside, std::int64_t Kernel, std::int64_t Stride, std::int64_t Padding,
          std::int64_t Dilation, class E>
using slid = result<ops::window<Axis, Kernel, Stride, Dilation, Padding, Padding, Outside>, E>;

// The windows of an image or clip, each in one last axis.
template <double Outside, int K, int S, int P, int D, class X>
using image_windows = merged_last<
    2, slid<axis_of<X, -1>, Outside, K, S, P, D, slid<axis_of<X, -2>, Outside, K, S, P, D, X>>>;
template <double Outside, each K, each S, each P, each D, class X>
using clip_windows = merged_last<
    3, slid<axis_of<X, -1>, Outside, K.width, S.width, P.width, D.width,
            slid<axis_of<X, -2>, Outside, K.height, S.height, P.height, D.height,
                 slid<axis_of<X, -3>, Outside, K.time, S.time, P.time, D.time, X>>>>;

template <OpCode Code, class E>
using reduced_last = result<ops::reduction<Code, axis_of<E, -1>, false>, E>;
template <int K, int S, int P, int D, class X>
using max_pooled2d = reduced_last<OpCode::max, image_windows<-infinity, K, S, P, D, X>>;
template <int K, int S, int P, class X>
using avg_pooled2d = reduced_last<OpCode::mean, image_windows<0.0, K, S, P, 1, X>>;
template <each K, each S, each P, each D, class X>
using max_pooled3d = reduced_last<OpCode::max, clip_windows<-infinity, K, S, P, D, X>>;
template <each K, each S, each P, class X>
using avg_pooled3d = reduced_last<OpCode::mean, clip_windows<0.0, K, S, P, each{1, 1, 1}, X>>;

}  // namespace detail

// Windows of an axis: [..., n, ...] to [..., places, ..., Size], result[... i ..., j] = x[i Stride
// + j Dilation - Before], and Value outside x.
template <int Axis, std::int64_t Size, std::int64_t Stride = 1, std::int64_t Before = 0,
          std::int64_t After = Before, std::int64_t Dilation = 1, auto Value = 0, operand X>
  requires fine<result<
      ops::window<axis_of<X, Axis>, Size, Stride, Dilation, Before, After, double(Value)>, X>>
constexpr result<
    ops::window<axis_of<X, Axis>, Size, Stride, Dilation, Before, After, double(Value)>, X>
window(X) {
  return {};
}
template <int Axis, std::int64_t Size, std::int64_t Stride = 1, std::int64_t Before = 0,
          std::int64_t After = Before, std::int64_t Dilation = 1, auto Value = 0, operand X>
refused<
    result<ops::window<axis_of<X, Axis>, Size, Stride, Dilation, Before, After, double(Value)>, X>>
    window(X);

// The largest element of each window; padding is never the largest.
template <int Kernel, int Stride = Kernel, int Padding = 0, int Dilation = 1, operand X>
  requires fine<detail::max_pooled2d<Kernel, Stride, Padding, Dilation, X>>
constexpr detail::max_pooled2d<Kernel, Stride, Padding, Dilation, X> max_pool2d(X) { return {}; }
template <int Kernel, int Stride = Kernel, int Padding = 0, int Dilation = 1, operand X>
refused<detail::max_pooled2d<Kernel, Stride, Padding, Dilation, X>> max_pool2d(X);
template <each Kernel, each Stride = Kernel, each Padding = each{0, 0, 0},
          each Dilation = each{1, 1, 1}, operand X>
  requires fine<detail::max_pooled3d<Kernel, Stride, Padding, Dilation, X>>
constexpr detail::max_pooled3d<Kernel, Stride, Padding, Dilation, X> max_pool3d(X) {
  return {};
}
template <each Kernel, each Stride = Kernel, each Padding = each{0, 0, 0},
          each Dilation = each{1, 1, 1}, operand X>
refused<detail::max_pooled3d<Kernel, Stride, Padding, Dilation, X>> max_pool3d(X);

// The mean of each window; padding counts as zeros (torch: count_include_pad).
template <int Kernel, int Stride = Kernel, int Padding = 0, operand X>
  requires fine<detail::avg_pooled2d<Kernel, Stride, Padding, X>>
constexpr detail::avg_pooled2d<Kernel, Stride, Padding, X> avg_pool2d(X) { return {}; }
template <int Kernel, int Stride = Kernel, int Padding = 0, operand X>
refused<detail::avg_pooled2d<Kernel, Stride, Padding, X>> avg_pool2d(X);
template <each Kernel, each Stride = Kernel, each Padding = each{0, 0, 0}, operand X>
  requires fine<detail::avg_pooled3d<Kernel, Stride, Padding, X>>
constexpr detail::avg_pooled3d<Kernel, Stride, Padding, X> avg_pool3d(X) { return {}; }
template <each Kernel, each Stride = Kernel, each Padding = each{0, 0, 0}, operand X>
refused<detail::avg_pooled3d<Kernel, Stride, Padding, X>> avg_pool3d(X);

}  // namespace heed
