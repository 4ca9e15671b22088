// What this CPU can compute at most: the loop of multiplications and additions that every figure is
// compared with.
#pragma once
#include <cstdint>
#include <string_view>

namespace heed {

// One round of independent multiply-adds in registers, for one instruction set.
struct PeakLoop {
  void (*run)(std::int64_t rounds);
  double flops_per_round;
};

// The loop for code made for `target`, "x86-64-avx512" say; "reference" counts as "x86-64".
PeakLoop peak_loop(std::string_view target);

// GFLOP/s of that loop on so many threads at once, 0: one a core. Measures for some milliseconds. 0
// for "vulkan": what a GPU can do is not measured.
double peak_gflops(std::string_view target, int threads);

}  // namespace heed
