// Comparisons and what is done with their bools. Masks are written with these: where(position<-1>() <= position<-2>(),
// scores, minus_infinity).
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
constexpr elementwise<ops::eq, A, B> operator==(A, B) { return {}; }
template <operand_or_number A, operand_or_number B>
constexpr elementwise<ops::ne, A, B> operator!=(A, B) { return {}; }
template <operand_or_number A, operand_or_number B>
constexpr elementwise<ops::lt, A, B> operator<(A, B) { return {}; }
template <operand_or_number A, operand_or_number B>
constexpr elementwise<ops::le, A, B> operator<=(A, B) { return {}; }
template <operand_or_number A, operand_or_number B>
constexpr elementwise<ops::gt, A, B> operator>(A, B) { return {}; }
template <operand_or_number A, operand_or_number B>
constexpr elementwise<ops::ge, A, B> operator>=(A, B) { return {}; }

template <operand A, operand B>
constexpr elementwise<ops::logical_and, A, B> operator&&(A, B) { return {}; }
template <operand A, operand B>
constexpr elementwise<ops::logical_or, A, B> operator||(A, B) { return {}; }
template <operand A>
constexpr elementwise<ops::logical_not, A> operator!(A) { return {}; }

// a where the condition holds, b elsewhere.
template <operand If, operand A, operand B>
constexpr elementwise<ops::where, If, A, B> where(If, A, B) { return {}; }

}  // namespace heed
