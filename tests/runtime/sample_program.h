// A hand-built program: y = tanh(x · weightᵀ + bias) * scale, x [B, T, 3], weight [4, 3], with one
// probe.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "heed/runtime/abi/program.h"
#include "heed/runtime/checkpoint.h"
#include "heed/runtime/tensor.h"

namespace heed::testing {

// The object made from kernels.cpp.
std::vector<std::byte> kernel_object();

// inputs x; outputs y [B, T, 4] and the probe "pre" (before tanh). `linear` reads bias as it is
// stored.
abi::Program sample_program();
// weight[n, k] = n + k / 10, bias[n] = -n, scale = 0.5
Checkpoint sample_checkpoint();
// An x of different numbers.
Tensor ramp(std::int64_t batch, std::int64_t length);
// The element of y in float arithmetic; `pre`: of the probe.
float sample_value(const float* x_row, int n, bool pre = false);
// How many elements of y (of the probe, where `pre`) are not those values of x to within 1e-5; -1
// where y's sizes are wrong.
std::int64_t sample_mismatches(const Tensor& x, const Tensor& y, bool pre = false);

}  // namespace heed::testing
