// Results in double, straight from the definitions, for a few rows: enough to notice a wrong kernel
// before it is timed. Each throws Error where a result is further from them than f32 rounding is.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "heed/runtime/tensor.h"

namespace heed::bench {

// ‖found - expected‖ ≤ 1e-5 ‖expected‖, the golden tests' tolerance.
void require_close(std::span<const float> found, std::span<const float> expected,
                   const std::string& what);

// result: [M, N] is x: [M, K] times the transposed formula parameter `weight`: [N, K].
void check_linear(const Tensor& x, const std::string& weight, const Tensor& result,
                  const std::string& what);

// result: [1, H, T, D] is softmax(q k^T / sqrt(D)) v of qkv = {q, k, v}.
void check_attention(const std::vector<Tensor>& qkv, bool causal, const Tensor& result,
                     const std::string& what);

// The same with edit(score) in place of the score, which is -inf for a key that is not seen; keys'
// heads may be fewer.
struct AttentionSizes {
  std::int64_t batch, heads, key_heads, queries, keys, features;
};
struct ScoreAt {
  std::int64_t b, h, i, j;
};
using ScoreEdit = std::function<double(double score, const ScoreAt& at)>;
void check_edited_attention(const std::vector<Tensor>& qkv, const AttentionSizes& sizes,
                            const ScoreEdit& edit, const Tensor& result, const std::string& what);

}  // namespace heed::bench
