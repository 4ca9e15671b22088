// Self-attention in which token t sees tokens 0 … t: later scores are -∞ before the softmax.
#pragma once
#include "../shared/tokens.h"
#include "heed/dsl/nn/attention.h"

namespace heed::examples {

using masked_self_attention = nn::multi_head_attention<token_features, attention_heads, nn::causal>;

}  // namespace heed::examples
