// Swin-T: windows by reshape and permute, shifted by roll, with a mask and a table of relative positions as buffers.
// Sizes are timm's swin_tiny_patch4_window7_224.
#include "heed/dsl/nn/attention.h"
#include "heed/dsl/nn/mlp.h"
#include "heed/dsl/nn/norm.h"

using namespace heed;
using namespace heed::nn;

namespace {

constexpr dim B{"B"};
constexpr int W = 7;  // window

// [batch, side, side, features] to [batch * windows, W * W, features] and back
template <int Side, int Features>
constexpr auto windows(expression auto x) {
  auto cells = reshape<size<0>(x), Side / W, W, Side / W, W, Features>(x);
  return reshape<size<0>(x) * ((Side / W) * (Side / W)), W * W, Features>(permute<0, 1, 3, 2, 4, 5>(cells));
}
template <int Side, int Features>
constexpr auto unwindows(expression auto x) {
  constexpr dim batch = size<0>(x) / ((Side / W) * (Side / W));
  auto cells = reshape<batch, Side / W, Side / W, W, W, Features>(x);
  return reshape<batch, Side, Side, Features>(permute<0, 1, 3, 2, 4, 5>(cells));
}

// relative_position_index[i][j]: row of the bias table for a pair of positions of one window
struct relative_positions {
  static void fill(std::span<std::int64_t> out) {
    for (int i = 0; i < W * W; ++i)
      for (int j = 0; j < W * W; ++j)
        out[std::size_t(i * W * W + j)] = (i / W - j / W + W - 1) * (2 * W - 1) + (i % W - j % W + W - 1);
  }
};
// attn_mask[window][i][j]: 0 within one region of the shifted image, -100 across regions
template <int Side, int Shift>
struct shifted_mask {
  static constexpr int region(int at) { return at < Side - W ? 0 : at < Side - Shift ? 1 : 2; }
  static constexpr void fill(std::span<float> out) {
    std::size_t n = 0;
    for (int w = 0; w < (Side / W) * (Side / W); ++w)
      for (int i = 0; i < W * W; ++i)
        for (int j = 0; j < W * W; ++j) {
          auto of = [&](int at) {
            int row = w / (Side / W) * W + at / W, column = w % (Side / W) * W + at % W;
            return 3 * region(row) + region(column);
          };
          out[n++] = of(i) == of(j) ? 0.f : -100.f;
        }
  }
};

template <int Side, int Features, int Heads, int Shift>
struct window_attention {
  static constexpr int count = (Side / W) * (Side / W);
  sub<"qkv", linear<Features, 3 * Features>> qkv;
  sub<"proj", linear<Features, Features>> proj;

  constexpr auto operator()(expression auto x) const {
    constexpr dim b = size<0>(x);
    auto [q, k, v] = split<3, -1>(qkv(x));
    auto table = param<"relative_position_bias_table", tensor<f32, (2 * W - 1) * (2 * W - 1), Heads>>;
    auto index = buffer<"relative_position_index", tensor<i64, W * W, W * W>, relative_positions>;
    auto scores = scaled_scores(split_heads<Heads>(q), split_heads<Heads>(k)) +
                  permute<2, 0, 1>(gather(table, index));
    auto masked = [&] {
      if constexpr (Shift == 0) return scores;
      else {
        auto mask = buffer<"attn_mask", tensor<f32, count, 1, W * W, W * W>, shifted_mask<Side, Shift>>;
        auto each = reshape<b / count, count, Heads, W * W, W * W>(scores) + mask;
        return reshape<b, Heads, W * W, W * W>(each);
      }
    }();
    return proj(merge_heads(matmul(probe<"attention">(softmax(masked)), split_heads<Heads>(v))));
  }
};

template <int Side, int Features, int Heads, int Shift>
struct swin_block {
  sub<"norm1", layer_norm<Features>> norm1;
  sub<"attn", window_attention<Side, Features, Heads, Shift>> attn;
  sub<"norm2", layer_norm<Features>> norm2;
  sub<"mlp", mlp<Features, 4 * Features>> mlp_;
  constexpr auto operator()(expression auto x) const {
    auto y = norm1(x);
    if constexpr (Shift == 0) return rest(x, unwindows<Side, Features>(attn(windows<Side, Features>(y))));
    else {
      auto shifted = roll<2, -Shift>(roll<1, -Shift>(y));
      auto z = unwindows<Side, Features>(attn(windows<Side, Features>(shifted)));
      return rest(x, roll<2, Shift>(roll<1, Shift>(z)));
    }
  }
  constexpr auto rest(expression auto x, expression auto y) const {
    auto h = x + y;
    return h + mlp_(norm2(h));
  }
};

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
  sub<"0", swin_block<Side, Features, Heads, 0>> plain;
  sub<"1", swin_block<Side, Features, Heads, (Side > W ? W / 2 : 0)>> shifted;
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
