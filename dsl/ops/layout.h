// Ops that move elements: reshape, permute, split, slice, concat and their kind.
#pragma once
#include "heed/dsl/parts.h"
#include "heed/dsl/scalar.h"

namespace heed {

namespace ops {
template <class To>  // a tensor type, of which the shape counts
struct reshape : op<OpCode::reshape> {
  static constexpr const TensorType& declared = type_of<To>;
};
template <class To>
struct broadcast : op<OpCode::broadcast> {
  static constexpr const TensorType& declared = type_of<To>;
};
template <int... Axes>
struct permute : op<OpCode::permute> {
  static constexpr std::int64_t ints[] = {Axes..., 0};
  static constexpr graph::Attributes with{ints, sizeof...(Axes)};
};
template <int Axis, class BeginEnd>
struct slice : op<OpCode::slice> {
  static constexpr std::int64_t ints[] = {Axis};
  static constexpr graph::Attributes with{ints, 1, BeginEnd::values, 2};
};
template <int Axis, class BeforeAfter, double Value>
struct pad : op<OpCode::pad> {
  static constexpr std::int64_t ints[] = {Axis};
  static constexpr double reals[] = {Value};
  static constexpr graph::Attributes with{ints, 1, BeforeAfter::values, 2, reals, 1};
};
template <int Axis, int Shift>
struct roll : op<OpCode::roll> {
  static constexpr std::int64_t ints[] = {Axis, Shift};
  static constexpr graph::Attributes with{ints, 2};
};
template <int Axis>
struct concat : op<OpCode::concat> {
  static constexpr std::int64_t ints[] = {Axis};
  static constexpr graph::Attributes with{ints, 1};
};
}  // namespace ops

template <Dim... To, operand X>
  requires fine<result<ops::reshape<tensor<f32, To...>>, X>>
constexpr result<ops::reshape<tensor<f32, To...>>, X> reshape(X) { return {}; }
template <Dim... To, operand X>
refused<result<ops::reshape<tensor<f32, To...>>, X>> reshape(X);

template <int... Axes, operand X>
  requires fine<result<ops::permute<axis_of<X, Axes>...>, X>>
constexpr result<ops::permute<axis_of<X, Axes>...>, X> permute(X) { return {}; }
template <int... Axes, operand X>
refused<result<ops::permute<axis_of<X, Axes>...>, X>> permute(X);

// Concatenates along an axis.
template <int Axis, operand X, operand... More>
  requires fine<result<ops::concat<axis_of<X, Axis>>, X, More...>>
constexpr result<ops::concat<axis_of<X, Axis>>, X, More...> concat(X, More...) { return {}; }
template <int Axis, operand X, operand... More>
  requires(!fine<result<ops::concat<axis_of<X, Axis>>, X, More...>>)
refused<result<ops::concat<axis_of<X, Axis>>, X, More...>> concat(X, More...);

namespace detail {
// By way of classes: g++ 12 fails to make dims<...> while X is still to be deduced.
template <class X, int Axis, Dim Begin, Dim End>
struct Slice {
  using type = result<ops::slice<axis_of<X, Axis>, dims<Begin, End>>, X>;
};
template <class X, int Axis, Dim Before, Dim After, double Value>
struct Pad {
  using type = result<ops::pad<axis_of<X, Axis>, dims<Before, After>, Value>, X>;
};
template <class X, int Axis, Dim Begin, Dim End>
using sliced = typename Slice<X, Axis, Begin, End>::type;
template <class X, int Axis, Dim Before, Dim After, double Value>
using padded = typename Pad<X, Axis, Before, After, Value>::type;
}  // namespace detail

// Elements Begin..End of an axis.
template <int Axis, Dim Begin, Dim End, operand X>
  requires fine<detail::sliced<X, Axis, Begin, End>>
constexpr detail::sliced<X, Axis, Begin, End> slice(X) { return {}; }
template <int Axis, Dim Begin, Dim End, operand X>
refused<detail::sliced<X, Axis, Begin, End>> slice(X);

// Grows an axis by Before and After elements of a value.
template <int Axis, Dim Before, Dim After, auto Value = 0, operand X>
  requires fine<detail::padded<X, Axis, Before, After, double(Value)>>
constexpr detail::padded<X, Axis, Before, After, double(Value)> pad(X) { return {}; }
template <int Axis, Dim Before, Dim After, auto Value = 0, operand X>
refused<detail::padded<X, Axis, Before, After, double(Value)>> pad(X);

// result[i] = x[(i - Shift) mod n] along an axis
template <int Axis, int Shift, operand X>
  requires fine<result<ops::roll<axis_of<X, Axis>, Shift>, X>>
constexpr result<ops::roll<axis_of<X, Axis>, Shift>, X> roll(X) { return {}; }
template <int Axis, int Shift, operand X>
refused<result<ops::roll<axis_of<X, Axis>, Shift>, X>> roll(X);

namespace detail {

template <class To>
struct ShapeIn {
  static constexpr const Shape& shape = type_of<To>.shape;
};
// broadcast_to gives a shape to operands that have none.
template <class To, class X>
consteval auto broadcast_to() {
  using E = typename Settle<X, ShapeIn<To>, f32>::type;
  return apply_settled<ops::broadcast<To>, E>();
}

template <int Rank, int A, int B, class I = std::make_integer_sequence<int, Rank>>
struct Swap;
template <int Rank, int A, int B, int... I>
struct Swap<Rank, A, B, std::integer_sequence<int, I...>> {
  using type = ops::permute<(I == A ? B : I == B ? A : I)...>;
};
template <int Rank, int A, int B>
struct BadAxis {
  static constexpr graph::Problem first = graph::check_axis(A, Rank);
  static constexpr graph::Inferred inferred{{}, first ? first : graph::check_axis(B, Rank)};
};
template <int A, int B, class X>
consteval auto transpose() {
  using E = settled<X>;
  if constexpr (!expression<E>) return std::type_identity<E>{};
  else {
    constexpr int rank = type_of<typename E::type>.shape.rank;
    using Bad = BadAxis<rank, axis_of<X, A>, axis_of<X, B>>;
    if constexpr (Bad::inferred.problem)
      return std::type_identity<error<text("transpose"), Bad, shape_text<typename E::type>>>{};
    else
      return std::type_identity<
          applied<typename Swap<rank, axis_of<X, A>, axis_of<X, B>>::type, E>>{};
  }
}

// Parts of equal size along an axis.
template <int N, int Axis, class T>
struct Split {
  static constexpr const Shape& shape = type_of<T>.shape;
  static constexpr graph::Problem problem = [] {
    if (graph::Problem p = graph::check_axis(Axis, shape.rank)) return p;
    bool divides = N > 0 && !(shape.dims[Axis] / N).invalid;
    if (divides && shape.dims[Axis].constant % N == 0) return graph::no_problem;
    return graph::problem(message::does_not_split, shape.dims[Axis], Dim(N));
  }();
  static constexpr graph::Inferred inferred{{}, problem};
  static constexpr Dim size = problem ? Dim() : shape.dims[Axis] / N;
};
template <class Rule, int Axis, class E, int I>
struct Part {
  using type = sliced<E, Axis, Rule::size * Dim(I), Rule::size * Dim(I + 1)>;
};
template <class Rule, int Axis, class E, int... I>
consteval auto all_parts(std::integer_sequence<int, I...>) {
  return std::type_identity<parts<typename Part<Rule, Axis, E, I>::type...>>{};
}
template <int N, int Axis, class X>
consteval auto split() {
  using E = settled<X>;
  if constexpr (!expression<E>) return std::type_identity<E>{};
  else {
    using Rule = Split<N, axis_of<X, Axis>, typename E::type>;
    if constexpr (Rule::problem)
      return std::type_identity<error<text("split"), Rule, shape_text<typename E::type>>>{};
    else return all_parts<Rule, axis_of<X, Axis>, E>(std::make_integer_sequence<int, N>{});
  }
}

// The shape without one axis.
template <int Axis, class T>
struct Dropped {
  static constexpr TensorType type = [] {
    TensorType t = type_of<T>;
    t.shape.rank -= 1;
    for (int i = Axis; i < t.shape.rank; ++i) t.shape.dims[i] = t.shape.dims[i + 1];
    return t;
  }();
};
template <int Axis, Dim At, class X>
consteval auto select() {
  using E = sliced<X, Axis, At, At + Dim(1)>;
  if constexpr (!expression<E>) return std::type_identity<E>{};
  else {
    using To = tensor_from<Dropped<axis_of<X, Axis>, typename E::type>>;
    return std::type_identity<applied<ops::reshape<To>, E>>{};
  }
}

template <class To, class X>
using broadcasted = typename decltype(broadcast_to<To, X>())::type;
template <int A, int B, class X>
using transposed = typename decltype(transpose<A, B, X>())::type;
template <int N, int Axis, class X>
using splitted = typename decltype(split<N, Axis, X>())::type;
template <int Axis, Dim At, class X>
using selected = typename decltype(select<Axis, At, X>())::type;

}  // namespace detail

template <Dim... To, operand X>
  requires fine<detail::broadcasted<tensor<f32, To...>, X>>
constexpr detail::broadcasted<tensor<f32, To...>, X> broadcast_to(X) { return {}; }
template <Dim... To, operand X>
refused<detail::broadcasted<tensor<f32, To...>, X>> broadcast_to(X);

// Swaps two axes, the last two unless told otherwise.
template <int A = -2, int B = -1, operand X>
  requires fine<detail::transposed<A, B, X>>
constexpr detail::transposed<A, B, X> transpose(X) { return {}; }
template <int A = -2, int B = -1, operand X>
refused<detail::transposed<A, B, X>> transpose(X);

// auto [q, k, v] = split<3, -1>(x);
template <int N, int Axis, operand X>
  requires fine<detail::splitted<N, Axis, X>>
constexpr detail::splitted<N, Axis, X> split(X) { return {}; }
template <int N, int Axis, operand X>
refused<detail::splitted<N, Axis, X>> split(X);

// One index of an axis, which goes: select<1, 0>(x) of [B, T, D] is [B, D].
template <int Axis, Dim At, operand X>
  requires fine<detail::selected<Axis, At, X>>
constexpr detail::selected<Axis, At, X> select(X) { return {}; }
template <int Axis, Dim At, operand X>
refused<detail::selected<Axis, At, X>> select(X);

}  // namespace heed
