// ViT (An Image is Worth 16x16 Words) with the parameter names of timm, so that its checkpoints
// load.
#pragma once
#include "heed/dsl/nn/patch_embedding.h"
#include "heed/dsl/nn/transformer.h"

namespace heed::nn {

template <std::int64_t Image, std::int64_t Patch, std::int64_t Channels, std::int64_t Features,
          std::int64_t Depth, std::int64_t Heads, std::int64_t Hidden, std::int64_t Classes>
struct vision_transformer {
  static constexpr std::int64_t tokens = (Image / Patch) * (Image / Patch) + 1;

  sub<"patch_embed", patch_embedding<Channels, Features, Patch>> patch_embed;
  repeat<"blocks", Depth, transformer_encoder_block<Features, Heads, Hidden>> blocks;
  sub<"norm", layer_norm<Features, 1e-6>> norm;
  sub<"head", linear<Features, Classes>> head;

  // image: [batch, channels, height, width] gives logits: [batch, classes]
  constexpr auto operator()(expression auto image) const {
    constexpr dim batch = size<0>(image);
    constexpr DType e = dtype_of(image);
    auto cls = broadcast_to<batch, 1, Features>(param<"cls_token", tensor<e, 1, 1, Features>>);
    auto x =
        concat<1>(cls, patch_embed(image)) + param<"pos_embed", tensor<e, 1, tokens, Features>>;
    return head(select<1, 0>(norm(blocks(x))));
  }
};

// timm's vit_small_patch16_224, vit_base_patch16_224, vit_large_patch16_224 and
// vit_base_patch32_224
using vit_s_16 = vision_transformer<224, 16, 3, 384, 12, 6, 1536, 1000>;
using vit_b_16 = vision_transformer<224, 16, 3, 768, 12, 12, 3072, 1000>;
using vit_l_16 = vision_transformer<224, 16, 3, 1024, 24, 16, 4096, 1000>;
using vit_b_32 = vision_transformer<224, 32, 3, 768, 12, 12, 3072, 1000>;

}  // namespace heed::nn
