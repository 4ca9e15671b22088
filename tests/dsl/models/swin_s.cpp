// Swin-S: names and sizes are those of timm's swin_small_patch4_window7_224.
#include "heed/dsl/nn/swin.h"

using namespace heed;

constexpr dim B{"B"};
using image = tensor<f32, B, 3, 224, 224>;

constexpr auto& s = manifest<nn::swin_s, image>;
static_assert(s.size == 329);
static_assert(s.elements == 49'606'258);
static_assert(*s.find("layers.2.blocks.17.attn.proj.weight") == type_of<tensor<f32, 384, 384>>);

const graph::Function& swin_s() { return graph_of<nn::swin_s, image>; }
