// Swin-T: names and sizes are those of timm's swin_tiny_patch4_window7_224.
#include "heed/dsl/nn/swin.h"

using namespace heed;

constexpr dim B{"B"};
using image = tensor<f32, B, 3, 224, 224>;

constexpr auto& t = manifest<nn::swin_t, image>;
static_assert(t.size == 173);
static_assert(t.elements == 28'288'354);
static_assert(*t.find("patch_embed.proj.weight") == type_of<tensor<f32, 96, 3, 4, 4>>);
static_assert(*t.find("patch_embed.norm.bias") == type_of<tensor<f32, 96>>);
static_assert(*t.find("layers.0.blocks.1.attn.relative_position_bias_table") ==
              type_of<tensor<f32, 169, 3>>);
static_assert(!t.find("layers.0.downsample.norm.weight"));
static_assert(*t.find("layers.1.downsample.norm.weight") == type_of<tensor<f32, 384>>);
static_assert(*t.find("layers.1.downsample.reduction.weight") == type_of<tensor<f32, 192, 384>>);
static_assert(*t.find("layers.2.blocks.5.attn.qkv.weight") == type_of<tensor<f32, 1152, 384>>);
static_assert(*t.find("layers.3.blocks.1.mlp.fc2.weight") == type_of<tensor<f32, 768, 3072>>);
static_assert(*t.find("head.fc.weight") == type_of<tensor<f32, 1000, 768>>);
static_assert(!t.find("layers.2.blocks.6.norm1.bias"));

const graph::Function& swin() { return graph_of<nn::swin_t, image>; }
