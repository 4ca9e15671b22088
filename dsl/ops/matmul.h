// Matrix product over the last two axes, (..., m, k) x (..., k, n); leading axes broadcast.
#pragma once
#include "heed/dsl/scalar.h"

namespace heed {

namespace ops {
struct matmul : op<OpCode::matmul> {};
}  // namespace ops

template <operand A, operand B>
  requires fine<result<ops::matmul, A, B>>
constexpr result<ops::matmul, A, B> matmul(A, B) { return {}; }
template <operand A, operand B>
refused<result<ops::matmul, A, B>> matmul(A, B);

}  // namespace heed
