// Elementwise functions of one float tensor. gelu is the exact one, x/2 (1 + erf(x/sqrt 2)).
#pragma once
#include "heed/dsl/scalar.h"

namespace heed {

namespace ops {
struct exp : op<OpCode::exp> {};
struct log : op<OpCode::log> {};
struct sqrt : op<OpCode::sqrt> {};
struct rsqrt : op<OpCode::rsqrt> {};
struct tanh : op<OpCode::tanh> {};
struct sigmoid : op<OpCode::sigmoid> {};
struct erf : op<OpCode::erf> {};
struct sin : op<OpCode::sin> {};
struct cos : op<OpCode::cos> {};
struct relu : op<OpCode::relu> {};
struct gelu : op<OpCode::gelu> {};
struct silu : op<OpCode::silu> {};
}  // namespace ops

template <operand A>
  requires fine<elementwise<ops::exp, A>>
constexpr elementwise<ops::exp, A> exp(A) { return {}; }
template <operand A>
refused<elementwise<ops::exp, A>> exp(A);
template <operand A>
  requires fine<elementwise<ops::log, A>>
constexpr elementwise<ops::log, A> log(A) { return {}; }
template <operand A>
refused<elementwise<ops::log, A>> log(A);
template <operand A>
  requires fine<elementwise<ops::sqrt, A>>
constexpr elementwise<ops::sqrt, A> sqrt(A) { return {}; }
template <operand A>
refused<elementwise<ops::sqrt, A>> sqrt(A);
template <operand A>
  requires fine<elementwise<ops::rsqrt, A>>
constexpr elementwise<ops::rsqrt, A> rsqrt(A) { return {}; }
template <operand A>
refused<elementwise<ops::rsqrt, A>> rsqrt(A);
template <operand A>
  requires fine<elementwise<ops::tanh, A>>
constexpr elementwise<ops::tanh, A> tanh(A) { return {}; }
template <operand A>
refused<elementwise<ops::tanh, A>> tanh(A);
template <operand A>
  requires fine<elementwise<ops::sigmoid, A>>
constexpr elementwise<ops::sigmoid, A> sigmoid(A) { return {}; }
template <operand A>
refused<elementwise<ops::sigmoid, A>> sigmoid(A);
template <operand A>
  requires fine<elementwise<ops::erf, A>>
constexpr elementwise<ops::erf, A> erf(A) { return {}; }
template <operand A>
refused<elementwise<ops::erf, A>> erf(A);
template <operand A>
  requires fine<elementwise<ops::sin, A>>
constexpr elementwise<ops::sin, A> sin(A) { return {}; }
template <operand A>
refused<elementwise<ops::sin, A>> sin(A);
template <operand A>
  requires fine<elementwise<ops::cos, A>>
constexpr elementwise<ops::cos, A> cos(A) { return {}; }
template <operand A>
refused<elementwise<ops::cos, A>> cos(A);
template <operand A>
  requires fine<elementwise<ops::relu, A>>
constexpr elementwise<ops::relu, A> relu(A) { return {}; }
template <operand A>
refused<elementwise<ops::relu, A>> relu(A);
template <operand A>
  requires fine<elementwise<ops::gelu, A>>
constexpr elementwise<ops::gelu, A> gelu(A) { return {}; }
template <operand A>
refused<elementwise<ops::gelu, A>> gelu(A);
template <operand A>
  requires fine<elementwise<ops::silu, A>>
constexpr elementwise<ops::silu, A> silu(A) { return {}; }
template <operand A>
refused<elementwise<ops::silu, A>> silu(A);

}  // namespace heed
