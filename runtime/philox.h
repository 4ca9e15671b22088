// Philox2x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11): random bits
// as a function of a seed and two counters. The `random` of the language is the same.
#pragma once
#include <cstdint>

namespace heed {

// The first word.
constexpr std::uint32_t philox(std::uint32_t seed, std::uint32_t c0, std::uint32_t c1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product = std::uint64_t{0xd256d193} * c0;
    c0 = std::uint32_t(product >> 32) ^ seed ^ c1;
    c1 = std::uint32_t(product);
    seed += 0x9e3779b9;
  }
  return c0;
}

// Uniform in (0, 1), from a word's upper 23 bits: exact in float, never 0 or 1.
constexpr double uniform(std::uint32_t word) { return (double(word >> 9) + 0.5) * 0x1p-23; }

}  // namespace heed
