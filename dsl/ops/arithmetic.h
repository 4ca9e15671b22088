// Elementwise arithmetic with numpy broadcasting. dtypes must be equal: a conversion is written as
// cast<f32>(x). x / y of integers rounds down: graph/op.h.
#pragma once
#include "heed/dsl/scalar.h"

namespace heed {

namespace ops {
struct add : op<OpCode::add> {};
struct sub : op<OpCode::sub> {};
struct mul : op<OpCode::mul> {};
struct div : op<OpCode::div> {};
struct neg : op<OpCode::neg> {};
struct abs : op<OpCode::abs> {};
struct pow : op<OpCode::pow> {};
struct maximum : op<OpCode::maximum> {};
struct minimum : op<OpCode::minimum> {};
template <DType To>
struct cast : op<OpCode::cast> {
  static constexpr TensorType declared{To, {}};
};
}  // namespace ops

template <operand_or_number A, operand_or_number B>
  requires fine<elementwise<ops::add, A, B>>
constexpr elementwise<ops::add, A, B> operator+(A, B) { return {}; }
template <operand_or_number A, operand_or_number B>
refused<elementwise<ops::add, A, B>> operator+(A, B);
template <operand_or_number A, operand_or_number B>
  requires fine<elementwise<ops::sub, A, B>>
constexpr elementwise<ops::sub, A, B> operator-(A, B) { return {}; }
template <operand_or_number A, operand_or_number B>
refused<elementwise<ops::sub, A, B>> operator-(A, B);
template <operand_or_number A, operand_or_number B>
  requires fine<elementwise<ops::mul, A, B>>
constexpr elementwise<ops::mul, A, B> operator*(A, B) { return {}; }
template <operand_or_number A, operand_or_number B>
refused<elementwise<ops::mul, A, B>> operator*(A, B);
template <operand_or_number A, operand_or_number B>
  requires fine<elementwise<ops::div, A, B>>
constexpr elementwise<ops::div, A, B> operator/(A, B) { return {}; }
template <operand_or_number A, operand_or_number B>
refused<elementwise<ops::div, A, B>> operator/(A, B);
template <operand A>
  requires fine<elementwise<ops::neg, A>>
constexpr elementwise<ops::neg, A> operator-(A) { return {}; }
template <operand A>
refused<elementwise<ops::neg, A>> operator-(A);

template <operand A>
  requires fine<elementwise<ops::abs, A>>
constexpr elementwise<ops::abs, A> abs(A) { return {}; }
template <operand A>
refused<elementwise<ops::abs, A>> abs(A);
template <operand A, operand B>
  requires fine<elementwise<ops::pow, A, B>>
constexpr elementwise<ops::pow, A, B> pow(A, B) { return {}; }
template <operand A, operand B>
refused<elementwise<ops::pow, A, B>> pow(A, B);
// The greater and the lesser of each pair; max<axis> and min<axis> reduce.
template <operand A, operand B>
  requires fine<elementwise<ops::maximum, A, B>>
constexpr elementwise<ops::maximum, A, B> maximum(A, B) { return {}; }
template <operand A, operand B>
refused<elementwise<ops::maximum, A, B>> maximum(A, B);
template <operand A, operand B>
  requires fine<elementwise<ops::minimum, A, B>>
constexpr elementwise<ops::minimum, A, B> minimum(A, B) { return {}; }
template <operand A, operand B>
refused<elementwise<ops::minimum, A, B>> minimum(A, B);

template <DType To, operand A>
  requires fine<elementwise<ops::cast<To>, A>>
constexpr elementwise<ops::cast<To>, A> cast(A) { return {}; }
template <DType To, operand A>
refused<elementwise<ops::cast<To>, A>> cast(A);

// 1 / sqrt(N): the scale of attention scores over N features.
namespace detail {
consteval double square_root(double v) {
  double root = v < 1 ? 1 : v, next = (root + v / root) / 2;
  while (next < root) {
    root = next;
    next = (root + v / root) / 2;
  }
  return root;
}
}  // namespace detail
template <double N>
inline constexpr scalar_value<1 / detail::square_root(N)> rsqrt_of_value{};
template <auto N>
inline constexpr auto rsqrt_of = rsqrt_of_value<double(N)>;

}  // namespace heed
