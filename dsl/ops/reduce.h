// Along one axis: softmax, sums, means, extremes, normalisation. Negative axes count from the
// right.
#pragma once
#include "heed/dsl/scalar.h"

namespace heed {

namespace ops {
template <int Axis>
struct softmax : op<OpCode::softmax> {
  static constexpr std::int64_t ints[] = {Axis};
  static constexpr graph::Attributes with{ints, 1};
};
template <OpCode Code, int Axis, bool Keep>
struct reduction : op<Code> {
  static constexpr std::int64_t ints[] = {Axis, Keep};
  static constexpr graph::Attributes with{ints, 2};
};
template <double Epsilon>
struct normalize : op<OpCode::normalize> {
  static constexpr double reals[] = {Epsilon};
  static constexpr graph::Attributes with{nullptr, 0, nullptr, 0, reals, 1};
};
}  // namespace ops

inline constexpr bool keep = true;  // sum<-1, keep>(x) leaves the axis with size 1

template <int Axis = -1, operand X>
  requires fine<result<ops::softmax<axis_of<X, Axis>>, X>>
constexpr result<ops::softmax<axis_of<X, Axis>>, X> softmax(X) { return {}; }
template <int Axis = -1, operand X>
refused<result<ops::softmax<axis_of<X, Axis>>, X>> softmax(X);
template <int Axis, bool Keep = false, operand X>
  requires fine<result<ops::reduction<OpCode::sum, axis_of<X, Axis>, Keep>, X>>
constexpr result<ops::reduction<OpCode::sum, axis_of<X, Axis>, Keep>, X> sum(X) { return {}; }
template <int Axis, bool Keep = false, operand X>
refused<result<ops::reduction<OpCode::sum, axis_of<X, Axis>, Keep>, X>> sum(X);
template <int Axis, bool Keep = false, operand X>
  requires fine<result<ops::reduction<OpCode::mean, axis_of<X, Axis>, Keep>, X>>
constexpr result<ops::reduction<OpCode::mean, axis_of<X, Axis>, Keep>, X> mean(X) { return {}; }
template <int Axis, bool Keep = false, operand X>
refused<result<ops::reduction<OpCode::mean, axis_of<X, Axis>, Keep>, X>> mean(X);
template <int Axis, bool Keep = false, operand X>
  requires fine<result<ops::reduction<OpCode::max, axis_of<X, Axis>, Keep>, X>>
constexpr result<ops::reduction<OpCode::max, axis_of<X, Axis>, Keep>, X> max(X) { return {}; }
template <int Axis, bool Keep = false, operand X>
refused<result<ops::reduction<OpCode::max, axis_of<X, Axis>, Keep>, X>> max(X);
template <int Axis, bool Keep = false, operand X>
  requires fine<result<ops::reduction<OpCode::min, axis_of<X, Axis>, Keep>, X>>
constexpr result<ops::reduction<OpCode::min, axis_of<X, Axis>, Keep>, X> min(X) { return {}; }
template <int Axis, bool Keep = false, operand X>
refused<result<ops::reduction<OpCode::min, axis_of<X, Axis>, Keep>, X>> min(X);

// (x - mean) / sqrt(variance + epsilon) over the last axis [* weight [+ bias]]
template <double Epsilon, operand X, operand... Affine>
  requires(sizeof...(Affine) <= 2) && fine<result<ops::normalize<Epsilon>, X, Affine...>>
constexpr result<ops::normalize<Epsilon>, X, Affine...> normalize(X, Affine...) { return {}; }
template <double Epsilon, operand X, operand... Affine>
  requires(sizeof...(Affine) <= 2 && !fine<result<ops::normalize<Epsilon>, X, Affine...>>)
refused<result<ops::normalize<Epsilon>, X, Affine...>> normalize(X, Affine...);

}  // namespace heed
