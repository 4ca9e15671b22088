// ViT-B/16, S, L and B/32: names and sizes are those of timm's vit_base_patch16_224 and its
// sisters.
#include "heed/dsl/nn/vision_transformer.h"

using namespace heed;
constexpr dim B{"B"};
using image = tensor<f32, B, 3, 224, 224>;

constexpr auto& m = manifest<nn::vit_b_16, image>;
static_assert(m.size == 152);
static_assert(m.elements == 86'567'656);
static_assert(m.name(0) == "cls_token" && m.type(0) == type_of<tensor<f32, 1, 1, 768>>);
static_assert(*m.find("pos_embed") == type_of<tensor<f32, 1, 197, 768>>);
static_assert(*m.find("patch_embed.proj.weight") == type_of<tensor<f32, 768, 3, 16, 16>>);
static_assert(*m.find("blocks.0.norm1.bias") == type_of<tensor<f32, 768>>);
static_assert(*m.find("blocks.11.attn.qkv.weight") == type_of<tensor<f32, 2304, 768>>);
static_assert(*m.find("blocks.11.mlp.fc2.bias") == type_of<tensor<f32, 768>>);
static_assert(*m.find("head.weight") == type_of<tensor<f32, 1000, 768>>);
static_assert(!m.find("blocks.12.norm1.bias"));

constexpr auto& small = manifest<nn::vit_s_16, image>;
static_assert(small.size == 152);
static_assert(small.elements == 22'050'664);
static_assert(*small.find("blocks.11.attn.proj.weight") == type_of<tensor<f32, 384, 384>>);

constexpr auto& large = manifest<nn::vit_l_16, image>;
static_assert(large.size == 296);
static_assert(large.elements == 304'326'632);
static_assert(*large.find("blocks.23.mlp.fc1.weight") == type_of<tensor<f32, 4096, 1024>>);

constexpr auto& coarse = manifest<nn::vit_b_32, image>;
static_assert(coarse.size == 152);
static_assert(coarse.elements == 88'224'232);
static_assert(*coarse.find("pos_embed") == type_of<tensor<f32, 1, 50, 768>>);

const graph::Function& vit() { return graph_of<nn::vit_b_16, image>; }
