// MViT for clips: names and sizes are those of torchvision's mvit_v1_b and mvit_v2_s.
#include "heed/dsl/nn/mvit_clip.h"

using namespace heed;

namespace {

constexpr dim B{"B"};
using clip = tensor<f32, B, 3, 16, 224, 224>;

constexpr auto& one = manifest<nn::mvit_v1_b, clip>;
static_assert(one.elements == 36'610'672);
static_assert(*one.find("pos_encoding.spatial_pos") == type_of<tensor<f32, 3136, 96>>);
static_assert(*one.find("blocks.1.attn.pool_q.pool.weight") ==
              type_of<tensor<f32, 96, 1, 3, 3, 3>>);
static_assert(*one.find("blocks.13.project.weight") == type_of<tensor<f32, 768, 384>>);
static_assert(!one.find("blocks.2.attn.pool_q.pool.weight"));

constexpr auto& two = manifest<nn::mvit_v2_s, clip>;
static_assert(two.elements == 34'537'744);
static_assert(*two.find("blocks.0.attn.rel_pos_h") == type_of<tensor<f32, 111, 96>>);
static_assert(*two.find("blocks.14.attn.rel_pos_t") == type_of<tensor<f32, 15, 96>>);
static_assert(*two.find("blocks.14.project.weight") == type_of<tensor<f32, 768, 384>>);

}  // namespace

const graph::Function& mvit_v1_clip() { return graph_of<nn::mvit_v1_b, clip>; }
const graph::Function& mvit_v2_clip() { return graph_of<nn::mvit_v2_s, clip>; }
