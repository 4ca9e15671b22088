// Swin-B: names and sizes are those of timm's swin_base_patch4_window7_224.
#include "heed/dsl/nn/swin.h"

using namespace heed;

constexpr dim B{"B"};
using image = tensor<f32, B, 3, 224, 224>;

constexpr auto& b = manifest<nn::swin_b, image>;
static_assert(b.size == 329);
static_assert(b.elements == 87'768'224);
static_assert(*b.find("layers.3.blocks.0.attn.relative_position_bias_table") ==
              type_of<tensor<f32, 169, 32>>);

const graph::Function& swin_b() { return graph_of<nn::swin_b, image>; }
