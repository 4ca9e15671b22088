// MViTv2-T: names and sizes are those of timm's mvitv2_tiny.
#include "heed/dsl/nn/mvit_v2.h"

using namespace heed;

constexpr dim B{"B"};
using image = tensor<f32, B, 3, 224, 224>;

constexpr auto& t = manifest<nn::mvitv2_tiny, image>;
static_assert(t.size == 242);
static_assert(t.elements == 24'173'320);
static_assert(*t.find("patch_embed.proj.weight") == type_of<tensor<f32, 96, 3, 7, 7>>);
static_assert(*t.find("stages.0.blocks.0.attn.pool_q.weight") == type_of<tensor<f32, 96, 1, 3, 3>>);
static_assert(*t.find("stages.0.blocks.0.attn.rel_pos_h") == type_of<tensor<f32, 111, 96>>);
static_assert(*t.find("stages.1.blocks.0.shortcut_proj_attn.weight") ==
              type_of<tensor<f32, 192, 96>>);
static_assert(*t.find("stages.2.blocks.0.attn.rel_pos_w") == type_of<tensor<f32, 55, 96>>);
static_assert(*t.find("stages.2.blocks.4.attn.norm_k.bias") == type_of<tensor<f32, 96>>);
static_assert(*t.find("stages.3.blocks.1.attn.rel_pos_w") == type_of<tensor<f32, 13, 96>>);
static_assert(!t.find("stages.0.blocks.0.shortcut_proj_attn.weight"));

const graph::Function& mvit_v2() { return graph_of<nn::mvitv2_tiny, image>; }
