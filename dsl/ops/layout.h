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
template <int Axis, Dim Begin, Dim End>
struct slice : op<OpCode::slice> {
  static constexpr std::int64_t ints[] = {Axis};
  static constexpr Dim dims[] = {Begin, End};
  static constexpr graph::Attributes with{ints, 1, dims, 2};
};
template <int Axis, Dim Before, Dim After, double Value>
struct pad : op<OpCode::pad> {
  static constexpr std::int64_t ints[] = {Axis};
  static constexpr Dim dims[] = {Before, After};
  static constexpr double reals[] = {Value};
  static constexpr graph::Attributes with{ints, 1, dims, 2, reals, 1};
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
constexpr result<ops::reshape<tensor<f32, To...>>, X> reshape(X) { return {}; }

template <int... Axes, operand X>
constexpr result<ops::permute<axis_of<X, Axes>...>, X> permute(X) { return {}; }

// Concatenates along an axis.
template <int Axis, operand X, operand... More>
constexpr result<ops::concat<axis_of<X, Axis>>, X, More...> concat(X, More...) { return {}; }

// Elements begin..end of an axis.
template <int Axis, Dim Begin, Dim End, operand X>
constexpr result<ops::slice<axis_of<X, Axis>, Begin, End>, X> slice(X) { return {}; }

// Grows an axis by Before and After elements of a value.
template <int Axis, Dim Before, Dim After, auto Value = 0, operand X>
constexpr result<ops::pad<axis_of<X, Axis>, Before, After, double(Value)>, X> pad(X) { return {}; }

// result[i] = x[(i - Shift) mod n] along an axis
template <int Axis, int Shift, operand X>
constexpr result<ops::roll<axis_of<X, Axis>, Shift>, X> roll(X) { return {}; }

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
      return std::type_identity<applied<typename Swap<rank, axis_of<X, A>, axis_of<X, B>>::type, E>>{};
  }
}

// Parts of equal size along an axis.
template <int N, int Axis, class T>
struct Split {
  static constexpr const Shape& shape = type_of<T>.shape;
  static constexpr graph::Problem problem = [] {
    if (graph::Problem p = graph::check_axis(Axis, shape.rank)) return p;
    bool divides = N > 0 && !(shape.dims[Axis] / N).invalid;
    if (divides && shape.dims[Axis].constant % N == 0) return graph::Problem{};
    return graph::problem(message::does_not_split, shape.dims[Axis], Dim(N));
  }();
  static constexpr graph::Inferred inferred{{}, problem};
  static constexpr Dim size = problem ? Dim() : shape.dims[Axis] / N;
};
template <int N, int Axis, class E, std::size_t... I>
consteval auto slices(std::index_sequence<I...>) {
  constexpr Dim size = Split<N, Axis, typename E::type>::size;
  return std::type_identity<parts<applied<ops::slice<Axis, size * Dim(int(I)), size * Dim(int(I) + 1)>, E>...>>{};
}
template <int N, int Axis, class X>
consteval auto split() {
  using E = settled<X>;
  if constexpr (!expression<E>) return std::type_identity<E>{};
  else {
    using Rule = Split<N, axis_of<X, Axis>, typename E::type>;
    if constexpr (Rule::problem)
      return std::type_identity<error<text("split"), Rule, shape_text<typename E::type>>>{};
    else return slices<N, axis_of<X, Axis>, E>(std::make_index_sequence<N>{});
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
  using E = result<ops::slice<axis_of<X, Axis>, At, At + Dim(1)>, X>;
  if constexpr (!expression<E>) return std::type_identity<E>{};
  else {
    using To = tensor_from<Dropped<axis_of<X, Axis>, typename E::type>>;
    return std::type_identity<applied<ops::reshape<To>, E>>{};
  }
}

}  // namespace detail

template <Dim... To, operand X>
constexpr typename decltype(detail::broadcast_to<tensor<f32, To...>, X>())::type broadcast_to(X) { return {}; }

// Swaps two axes, the last two unless told otherwise.
template <int A = -2, int B = -1, operand X>
constexpr typename decltype(detail::transpose<A, B, X>())::type transpose(X) { return {}; }

// auto [q, k, v] = split<3, -1>(x);
template <int N, int Axis, operand X>
constexpr typename decltype(detail::split<N, Axis, X>())::type split(X) { return {}; }

// One index of an axis, which goes: select<1, 0>(x) of [B, T, D] is [B, D].
template <int Axis, Dim At, operand X>
constexpr typename decltype(detail::select<Axis, At, X>())::type select(X) { return {}; }

}  // namespace heed
