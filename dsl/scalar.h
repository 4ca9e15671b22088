// Operands without a type of their own. A scalar takes the dtype of the tensor it meets; a
// position, and what is computed from positions, takes its shape: position<-1>() <= position<-2>()
// is a causal mask over any scores.
#pragma once
#include <limits>

#include "heed/dsl/expression.h"

namespace heed {

// A number of an expression; exact, part of the type. scalar<0.5>, scalar<1>, minus_infinity.
template <double Value>
struct scalar_value {};
template <auto Value>
inline constexpr scalar_value<double(Value)> scalar{};

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr scalar_value<-infinity> minus_infinity{};

template <double V>
constexpr scalar_value<-V> operator-(scalar_value<V>) { return {}; }

// An elementwise op whose operands have no shape yet.
template <class Op, class... Operands>
struct shapeless {};

namespace detail {
template <class A>
inline constexpr bool is_weak = false;
template <double Value>
inline constexpr bool is_weak<scalar_value<Value>> = true;
template <class Op, class... Operands>
inline constexpr bool is_weak<shapeless<Op, Operands...>> = true;
}  // namespace detail

namespace ops {

template <double Value, DType Element>
struct constant : op<OpCode::constant> {
  static constexpr double reals[] = {Value};
  static constexpr graph::Attributes with{nullptr, 0, nullptr, 0, reals, 1};
  static constexpr TensorType declared{Element, {}};
};

template <int Axis>
struct position : op<OpCode::position> {
  static constexpr std::int64_t ints[] = {Axis};
  static constexpr graph::Attributes with{ints, 1};
};

template <Dim D>
struct extent : op<OpCode::extent> {
  static constexpr Dim dims[] = {D};
  static constexpr graph::Attributes with{nullptr, 0, dims, 1};
  static constexpr TensorType declared{DType::i64, {}};
};

}  // namespace ops

// The index of each element along an axis (i64); negative axes count from the right.
template <int Axis>
constexpr shapeless<ops::position<Axis>> position() { return {}; }

// The value of a dimension, as an i64 scalar.
template <Dim D>
constexpr expr<ops::extent<D>, tensor<i64>> extent() { return {}; }

// An error is let in so that it surfaces where it is used, as an incomplete argument.
template <class A>
concept operand = expression<A> || detail::is_weak<A> || detail::is_error<A>;
template <class A>
concept operand_or_number = operand<A> || std::is_arithmetic_v<A>;

namespace detail {

// What operands without a type learn from those that have one.
struct KnownDType {
  bool known = false;
  DType dtype = DType::f32;
};
struct KnownShape {
  bool known = false;
  Shape shape;
};

constexpr bool gives_bool(OpCode op) { return op >= OpCode::eq && op <= OpCode::logical_not; }
constexpr bool declares_dtype(OpCode op) { return op == OpCode::cast || op == OpCode::random; }
// The dtype of where() is that of its values, not of its condition.
constexpr bool takes_dtype_of(OpCode op, int operand) { return op != OpCode::where || operand > 0; }

template <class A>
struct Learn {  // of a scalar: nothing
  static constexpr void dtype(KnownDType&) {}
  static constexpr void shape(KnownShape&) {}
  static constexpr bool settled(const Shape&) { return true; }
};
template <expression E>
struct Learn<E> {
  static constexpr const TensorType& type = type_of<typename E::type>;
  static constexpr void dtype(KnownDType& k) { k = {true, k.known ? k.dtype : type.dtype}; }
  static constexpr void shape(KnownShape& k) {
    graph::broadcast_with(k.shape, type.shape);
    k.known = true;
  }
  static constexpr bool settled(const Shape&) { return true; }
};
template <int Axis>
struct Learn<shapeless<ops::position<Axis>>> {
  static constexpr void dtype(KnownDType& k) { k = {true, k.known ? k.dtype : DType::i64}; }
  static constexpr void shape(KnownShape&) {}
  // An axis of size 1 waits for the tensor that it is broadcast against.
  static constexpr bool settled(const Shape& s) {
    int axis = Axis < 0 ? s.rank + Axis : Axis;
    return axis >= 0 && axis < s.rank && !(s.dims[axis] == Dim(1));
  }
};
template <class Op, class... A>
struct Learn<shapeless<Op, A...>> {
  static constexpr void dtype(KnownDType& k) {
    int i = 0;
    if (k.known) return;
    if (gives_bool(Op::code)) k = {true, DType::boolean};
    else if (declares_dtype(Op::code)) k = {true, Op::declared.dtype};
    else ((takes_dtype_of(Op::code, i++) ? Learn<A>::dtype(k) : void()), ...);
  }
  static constexpr void shape(KnownShape& k) { (Learn<A>::shape(k), ...); }
  static constexpr bool settled(const Shape& s) { return (Learn<A>::settled(s) && ...); }
};

template <class Op, class... A>
inline constexpr KnownDType known_dtype = [] {
  KnownDType k;
  int i = 0;
  ((takes_dtype_of(Op::code, i++) ? Learn<A>::dtype(k) : void()), ...);
  return k;
}();
template <class... A>
inline constexpr KnownShape known_shape = [] {
  KnownShape k;
  (Learn<A>::shape(k), ...);
  return k;
}();
template <class... A>
struct ShapeAmong {
  static constexpr const Shape& shape = known_shape<A...>.shape;
};

// ---- operands with their types settled ----

// The first type that is not an expression: the error to hand on.
template <class E, class... More>
consteval auto first_error() {
  if constexpr (is_error<E>) return std::type_identity<E>{};
  else return first_error<More...>();
}
// The op on settled operands; where one of them is an error already, that one.
template <class Op, class... E>
consteval auto apply_settled() {
  if constexpr ((expression<E> && ...)) return std::type_identity<applied<Op, E...>>{};
  else return first_error<E...>();
}

template <int Axis, class Where>
struct PositionType {
  static constexpr int axis = Axis < 0 ? Where::shape.rank + Axis : Axis;
  static constexpr bool ok = axis >= 0 && axis < Where::shape.rank;
  static constexpr TensorType type = [] {
    TensorType t{DType::i64, Where::shape};
    for (int i = 0; i < t.shape.rank; ++i)
      if (i != axis) t.shape.dims[i] = Dim(1);
    return t;
  }();
  static constexpr graph::Inferred inferred{{}, graph::check_axis(axis, Where::shape.rank)};
};

// Where: a class with a member `shape`. Element: dtype of scalars that have no typed neighbour.
template <class A, class Where, DType Element>
struct Settle {
  using type = A;
};
template <double V, class Where, DType Element>
struct Settle<scalar_value<V>, Where, Element> {
  using type = applied<ops::constant<V, Element>>;
};
template <int Axis, class Where, DType Element>
struct Settle<shapeless<ops::position<Axis>>, Where, Element> {
  using At = PositionType<Axis, Where>;
  static consteval auto go() {
    if constexpr (At::ok)
      return std::type_identity<expr<ops::position<At::axis>, tensor_from<At>>>{};
    else return std::type_identity<error<text("position"), At>>{};
  }
  using type = typename decltype(go())::type;
};
template <class Op, class Where, DType Element, class... A>
struct Settle<shapeless<Op, A...>, Where, Element> {
  static constexpr KnownDType known = known_dtype<Op, A...>;
  static constexpr DType element = known.known ? known.dtype : Element;
  using type =
      typename decltype(apply_settled<Op, typename Settle<A, Where, element>::type...>())::type;
};

// An elementwise op: settles as soon as all positions have met a tensor with their axis.
template <class Op, class... A>
consteval auto elementwise() {
  if constexpr ((expression<A> && ...)) return std::type_identity<applied<Op, A...>>{};
  else if constexpr ((is_error<A> || ...)) return first_error<A...>();
  else if constexpr ((std::is_arithmetic_v<A> || ...))
    return std::type_identity<
        error<printed<OpName<Op>>(), Refusal<message::number_is_no_tensor>>>{};
  else if constexpr (known_shape<A...>.known && (Learn<A>::settled(known_shape<A...>.shape) && ...))
    return std::type_identity<
        typename Settle<shapeless<Op, A...>, ShapeAmong<A...>, DType::f32>::type>{};
  else return std::type_identity<shapeless<Op, A...>>{};
}

// Any other op needs operands with shapes: what still waits settles with the shape it has met so
// far.
template <class A>
consteval auto settle() {
  if constexpr (expression<A> || is_error<A>) return std::type_identity<A>{};
  else if constexpr (known_shape<A>.known)
    return std::type_identity<typename Settle<A, ShapeAmong<A>, DType::f32>::type>{};
  else return std::type_identity<error<text("operand"), Refusal<message::operand_has_no_shape>>>{};
}

}  // namespace detail

template <class A>
using settled = typename decltype(detail::settle<A>())::type;
// Result of an elementwise op, and of any other.
template <class Op, class... A>
using elementwise = typename decltype(detail::elementwise<Op, A...>())::type;
template <class Op, class... A>
using result = typename decltype(detail::apply_settled<Op, settled<A>...>())::type;

// A negative axis counted from the left; one that is out of range stays as it is, for the rule to
// refuse.
template <class X, int Axis>
inline constexpr int axis_of = [] {
  int rank = 0;
  if constexpr (expression<settled<X>>) rank = type_of<typename settled<X>::type>.shape.rank;
  return Axis < 0 && Axis + rank >= 0 ? Axis + rank : Axis;
}();

}  // namespace heed
