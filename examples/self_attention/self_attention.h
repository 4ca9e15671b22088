// The first attention of the digits' vision transformer, without positions: queries, keys and
// values all from the same patches. Parameters are named as in vit/digits_vit.safetensors.
#pragma once
#include "heed/dsl/nn/attention.h"
#include "heed/dsl/nn/norm.h"
#include "heed/dsl/nn/patch_embedding.h"

namespace heed::examples {

struct patches_self_attention {
  sub<"patch_embed", nn::patch_embedding<1, 64, 2>> embed;
  sub<"blocks.0.norm1", nn::layer_norm<64, 1e-6>> norm;
  sub<"blocks.0.attn", nn::self_attention<64, 4>> attend;
  // images: [B, 1, 8, 8] give [B, 16, 64]: a vector for each patch of 2 × 2 pixels
  constexpr auto operator()(expression auto images) const { return attend(norm(embed(images))); }
};
using digit_images = tensor<f32, dim("B"), 1, 8, 8>;

}  // namespace heed::examples
