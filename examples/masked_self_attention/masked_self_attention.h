// Self-attention in which token t sees tokens 0 … t: later scores are -∞ before the softmax.
#pragma once
#include "../shared/tokens.h"
#include "heed/dsl/nn/attention.h"

namespace heed::examples {

inline constexpr std::int64_t attention_heads = 6;
using masked_self_attention = nn::multi_head_attention<token_features, attention_heads, nn::causal>;
using token_rows = tensor<f32, 1, dim("T"), token_features>;

}  // namespace heed::examples
