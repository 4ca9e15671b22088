// Matrix product over the last two axes, (..., m, k) x (..., k, n); leading axes broadcast.
#pragma once
#include "heed/dsl/scalar.h"

namespace heed {

namespace ops {
struct matmul : op<OpCode::matmul> {};
}  // namespace ops

template <operand A, operand B>
constexpr result<ops::matmul, A, B> matmul(A, B) { return {}; }

}  // namespace heed
