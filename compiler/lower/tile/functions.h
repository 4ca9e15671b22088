// Transcendental functions as polynomials, on f32 scalars or vectors of any width. Errors are
// relative to the result and at most 1e-6, gelu's and silu's to |x|, sin's and cos' to 1. And
// Philox' bits, on i32.
#pragma once
#include "heed/compiler/lower/tile/emitter.h"
#include "heed/compiler/lower/tile/regions.h"

namespace heed::tile {

Value function(Emitter& e, Function f, ValueRange x);

Value exp(Emitter& e, Value x);
Value sigmoid(Emitter& e, Value x);
Value gelu(Emitter& e, Value x);
Value rsqrt(Emitter& e, Value x);

// 2^t for finite t ≤ 127, 2e-7; exactly 0 far below. The exponential of softmax, log2 e being
// folded into t.
Value exp2Softmax(Emitter& e, Value t);
// The same times a positive constant of the target's, which weights share that are divided by their
// sum.
Value exp2Weight(Emitter& e, Value t);

}  // namespace heed::tile
