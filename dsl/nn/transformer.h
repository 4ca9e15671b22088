// The pre-norm encoder block of vision transformers, named as in timm.
#pragma once
#include "heed/dsl/nn/attention.h"
#include "heed/dsl/nn/mlp.h"
#include "heed/dsl/nn/norm.h"

namespace heed::nn {

template <std::int64_t Features, std::int64_t Heads, std::int64_t Hidden>
struct transformer_encoder_block {
  sub<"norm1", layer_norm<Features, 1e-6>> norm1;
  sub<"attn", self_attention<Features, Heads>> attn;
  sub<"norm2", layer_norm<Features, 1e-6>> norm2;
  sub<"mlp", mlp<Features, Hidden>> mlp_;
  constexpr auto operator()(expression auto x) const {
    auto h = x + attn(norm1(x));
    return h + mlp_(norm2(h));
  }
};

}  // namespace heed::nn
