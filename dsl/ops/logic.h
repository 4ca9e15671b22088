// Comparisons and what is done with their bools. Masks are written with these: where(position<-1>()
// <= position<-2>(), scores, minus_infinity).
#pragma once
#include "heed/dsl/scalar.h"

namespace heed {

namespace ops {
struct eq : op<OpCode::eq> {};
struct ne : op<OpCode::ne> {};
struct lt : op<OpCode::lt> {};
struct le : op<OpCode::le> {};
struct gt : op<OpCode::gt> {};
struct ge : op<OpCode::ge> {};
struct logical_and : op<OpCode::logical_and> {};
struct logical_or : op<OpCode::logical_or> {};
struct logical_not : op<OpCode::logical_not> {};
struct where : op<OpCode::where> {};
}  // namespace ops

template <operand_or_number A, operand_or_number B>
  requires fine<elementwise<ops::eq, A, B>>
constexpr elementwise<ops::eq, A, B> operator==(A, B) { return {}; }
template <operand_or_number A, operand_or_number B>
refused<elementwise<ops::eq, A, B>> operator==(A, B);
template <operand_or_number A, operand_or_number B>
  requires fine<elementwise<ops::ne, A, B>>
constexpr elementwise<ops::ne, A, B> operator!=(A, B) { return {}; }
template <operand_or_number A, operand_or_number B>
refused<elementwise<ops::ne, A, B>> operator!=(A, B);
template <operand_or_number A, operand_or_number B>
  requires fine<elementwise<ops::lt, A, B>>
constexpr elementwise<ops::lt, A, B> operator<(A, B) { return {}; }
template <operand_or_number A, operand_or_number B>
refused<elementwise<ops::lt, A, B>> operator<(A, B);
template <operand_or_number A, operand_or_number B>
  requires fine<elementwise<ops::le, A, B>>
constexpr elementwise<ops::le, A, B> operator<=(A, B) { return {}; }
template <operand_or_number A, operand_or_number B>
refused<elementwise<ops::le, A, B>> operator<=(A, B);
template <operand_or_number A, operand_or_number B>
  requires fine<elementwise<ops::gt, A, B>>
constexpr elementwise<ops::gt, A, B> operator>(A, B) { return {}; }
template <operand_or_number A, operand_or_number B>
refused<elementwise<ops::gt, A, B>> operator>(A, B);
template <operand_or_number A, operand_or_number B>
  requires fine<elementwise<ops::ge, A, B>>
constexpr elementwise<ops::ge, A, B> operator>=(A, B) { return {}; }
template <operand_or_number A, operand_or_number B>
refused<elementwise<ops::ge, A, B>> operator>=(A, B);

template <operand A, operand B>
  requires fine<elementwise<ops::logical_and, A, B>>
constexpr elementwise<ops::logical_and, A, B> operator&&(A, B) { return {}; }
template <operand A, operand B>
refused<elementwise<ops::logical_and, A, B>> operator&&(A, B);
template <operand A, operand B>
  requires fine<elementwise<ops::logical_or, A, B>>
constexpr elementwise<ops::logical_or, A, B> operator||(A, B) { return {}; }
template <operand A, operand B>
refused<elementwise<ops::logical_or, A, B>> operator||(A, B);
template <operand A>
  requires fine<elementwise<ops::logical_not, A>>
constexpr elementwise<ops::logical_not, A> operator!(A) { return {}; }
template <operand A>
refused<elementwise<ops::logical_not, A>> operator!(A);

// a where the condition holds, b elsewhere.
template <operand If, operand A, operand B>
  requires fine<elementwise<ops::where, If, A, B>>
constexpr elementwise<ops::where, If, A, B> where(If, A, B) { return {}; }
template <operand If, operand A, operand B>
refused<elementwise<ops::where, If, A, B>> where(If, A, B);

}  // namespace heed
