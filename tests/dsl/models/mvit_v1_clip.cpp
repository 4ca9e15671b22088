// MViT for clips: names and sizes are those of torchvision's mvit_v1_b.
#include "heed/dsl/nn/mvit_clip.h"

using namespace heed;

namespace {

constexpr dim B{"B"};
using clip = tensor<f32, B, 3, 16, 224, 224>;

constexpr auto& parameters = manifest<nn::mvit_v1_b, clip>;
static_assert(parameters.elements == 36'610'672);
static_assert(*parameters.find("pos_encoding.spatial_pos") == type_of<tensor<f32, 3136, 96>>);
static_assert(*parameters.find("blocks.1.attn.pool_q.pool.weight") ==
              type_of<tensor<f32, 96, 1, 3, 3, 3>>);
static_assert(*parameters.find("blocks.13.project.weight") == type_of<tensor<f32, 768, 384>>);
static_assert(!parameters.find("blocks.2.attn.pool_q.pool.weight"));

}  // namespace

const graph::Function& mvit_v1_clip() { return graph_of<nn::mvit_v1_b, clip>; }
