// Attention of random shapes, as a sweep measures it.
#pragma once
#include <cstdint>
#include <string>

#include "cases.h"
#include "references.h"

namespace heed::bench {

struct RandomAttention {
  enum Mask { none, causal, window, lengths };
  static constexpr const char* mask_names[] = {"none", "causal", "window", "lengths"};
  static constexpr std::int64_t window_keys = 256;

  AttentionSizes sizes;
  Mask mask;

  std::string name() const;  // "causal 1x8x128x128x64": batch, heads, queries, keys, features
};

// Number `number` of a seed: lengths and heads evenly spread over orders of magnitude, small enough
// to be timed often.
RandomAttention random_attention(std::uint32_t seed, int number);
Case case_of(const RandomAttention& attention);

}  // namespace heed::bench
