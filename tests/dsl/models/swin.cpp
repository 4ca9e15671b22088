// Swin-T of the library's shifted-window blocks. Sizes are timm's swin_tiny_patch4_window7_224.
#include "heed/dsl/nn/windows.h"

using namespace heed;
using namespace heed::nn;

namespace {

constexpr dim B{"B"};
constexpr int W = 7;  // window

template <int Side, int Features>  // of the input
struct patch_merging {
  sub<"norm", layer_norm<4 * Features>> norm;
  sub<"reduction", linear<4 * Features, 2 * Features, false>> reduction;
  constexpr auto operator()(expression auto x) const {
    constexpr dim b = size<0>(x);
    auto cells = reshape<b, Side / 2, 2, Side / 2, 2, Features>(x);
    return reduction(norm(reshape<b, Side / 2, Side / 2, 4 * Features>(permute<0, 1, 3, 4, 2, 5>(cells))));
  }
};

// A pair of blocks, plain and shifted; where the window is the whole image nothing is shifted.
template <int Side, int Features, int Heads>
struct block_pair {
  sub<"0", swin_block<Features, Heads, W, 0>> plain;
  sub<"1", swin_block<Features, Heads, W, (Side > W ? W / 2 : 0)>> shifted;
  constexpr auto operator()(expression auto x) const { return shifted(plain(x)); }
};

struct embedding_of_patches {
  sub<"norm", layer_norm<96>> norm;
  constexpr auto operator()(expression auto image) const {
    auto y = conv2d<4>(image, param<"proj.weight", tensor<f32, 96, 3, 4, 4>>);
    return norm(permute<0, 2, 3, 1>(y) + param<"proj.bias", tensor<f32, 96>>);
  }
};

template <int Side, int Features, int Heads>
using pair = block_pair<Side, Features, Heads>;

struct swin_t {
  sub<"patch_embed", embedding_of_patches> patch_embed;
  chain<sub<"layers.0.blocks", pair<56, 96, 3>>, sub<"layers.1.downsample", patch_merging<56, 96>>,
        sub<"layers.1.blocks", pair<28, 192, 6>>, sub<"layers.2.downsample", patch_merging<28, 192>>,
        repeat<"layers.2.blocks", 3, pair<14, 384, 12>>, sub<"layers.3.downsample", patch_merging<14, 384>>,
        sub<"layers.3.blocks", pair<7, 768, 24>>>
      layers;
  sub<"norm", layer_norm<768>> norm;
  sub<"head.fc", linear<768, 1000>> head;
  constexpr auto operator()(expression auto image) const {
    return head(mean<1>(mean<1>(norm(layers(patch_embed(image))))));
  }
};

using image = tensor<f32, B, 3, 224, 224>;
constexpr auto& m = manifest<swin_t, image>;
static_assert(m.elements == 28'288'354);

}  // namespace

const graph::Function& swin() { return graph_of<swin_t, image>; }
