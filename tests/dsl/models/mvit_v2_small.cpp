// MViTv2-S: names and sizes are those of timm's mvitv2_small.
#include "heed/dsl/nn/mvit_v2.h"

using namespace heed;

constexpr dim B{"B"};
using image = tensor<f32, B, 3, 224, 224>;

constexpr auto& s = manifest<nn::mvitv2_small, image>;
static_assert(s.size == 380);
static_assert(s.elements == 34'870'216);

const graph::Function& mvit_v2_small() { return graph_of<nn::mvitv2_small, image>; }
