// Attention rollout: how much of each input token reaches each output token of a network whose
// blocks add their attention to what they are given (Abnar and Zuidema, Quantifying Attention Flow
// in Transformers, 2020, section 3).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "heed/runtime/tensor.h"

namespace heed {

class AttentionRollout {
 public:
  // For the next block; attention is f32 [1, heads, tokens, tokens], rows of weights that sum to 1.
  // Its mean over the heads, averaged with the residual path's identity, is multiplied onto what
  // the blocks before gave. Throws Error where the sizes are not these, or not those of the block
  // before.
  void add(const Tensor& attention);

  std::int64_t tokens() const { return tokens_; }
  // What token `output` of the last block holds of each token of the first, [tokens]: sums to 1.
  std::span<const double> of(std::int64_t output) const;

 private:
  std::int64_t tokens_ = 0;
  std::vector<double> mixed_;  // [output, input]
};

}  // namespace heed
