// Random numbers without a state: elementwise, of a seed and two counters alone, by Philox2x32-10
// (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11).
#pragma once
#include "heed/dsl/scalar.h"

namespace heed {

namespace ops {
template <DType To>
struct random : op<OpCode::random> {
  static constexpr TensorType declared{To, {}};
};
}  // namespace ops

// Seed and counters: i32 or i64, of which the low 32 bits count; they broadcast. As i32 all 32 bits
// of the first word, such as a seed for further numbers; as f32 uniform in (0, 1), of its upper 23
// bits: never 0 or 1, so that its logarithm is finite.
template <DType To, operand Seed, operand C0, operand C1>
  requires fine<elementwise<ops::random<To>, Seed, C0, C1>>
constexpr elementwise<ops::random<To>, Seed, C0, C1> random(Seed, C0, C1) { return {}; }
template <DType To, operand Seed, operand C0, operand C1>
refused<elementwise<ops::random<To>, Seed, C0, C1>> random(Seed, C0, C1);

}  // namespace heed
