// Elementwise arithmetic with numpy broadcasting. dtypes must be equal: a conversion is written as cast<f32>(x).
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
constexpr elementwise<ops::add, A, B> operator+(A, B) { return {}; }
template <operand_or_number A, operand_or_number B>
constexpr elementwise<ops::sub, A, B> operator-(A, B) { return {}; }
template <operand_or_number A, operand_or_number B>
constexpr elementwise<ops::mul, A, B> operator*(A, B) { return {}; }
template <operand_or_number A, operand_or_number B>
constexpr elementwise<ops::div, A, B> operator/(A, B) { return {}; }
template <operand A>
constexpr elementwise<ops::neg, A> operator-(A) { return {}; }

template <operand A>
constexpr elementwise<ops::abs, A> abs(A) { return {}; }
template <operand A, operand B>
constexpr elementwise<ops::pow, A, B> pow(A, B) { return {}; }
// The greater and the lesser of each pair; max<axis> and min<axis> reduce.
template <operand A, operand B>
constexpr elementwise<ops::maximum, A, B> maximum(A, B) { return {}; }
template <operand A, operand B>
constexpr elementwise<ops::minimum, A, B> minimum(A, B) { return {}; }

template <DType To, operand A>
constexpr elementwise<ops::cast<To>, A> cast(A) { return {}; }

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
