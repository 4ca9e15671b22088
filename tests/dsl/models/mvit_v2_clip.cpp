// MViTv2 for clips: names and sizes are those of torchvision's mvit_v2_s.
#include "heed/dsl/nn/mvit_clip.h"

using namespace heed;

namespace {

constexpr dim B{"B"};
using clip = tensor<f32, B, 3, 16, 224, 224>;

constexpr auto& parameters = manifest<nn::mvit_v2_s, clip>;
static_assert(parameters.elements == 34'537'744);
static_assert(*parameters.find("blocks.0.attn.rel_pos_h") == type_of<tensor<f32, 111, 96>>);
static_assert(*parameters.find("blocks.14.attn.rel_pos_t") == type_of<tensor<f32, 15, 96>>);
static_assert(*parameters.find("blocks.14.project.weight") == type_of<tensor<f32, 768, 384>>);

}  // namespace

const graph::Function& mvit_v2_clip() { return graph_of<nn::mvit_v2_s, clip>; }
