// Layers around attention: positions of sentences and grids, attention over a feature map of any
// size.
#include "heed/dsl/nn/feature_map_attention.h"
#include "heed/dsl/nn/positions.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, T{"T"}, H{"H"}, W{"W"};

struct along_sentence {
  sub<"sine", nn::sinusoidal_positions<64>> sine;
  sub<"pos_embed", nn::learned_positions<64, 100>> learned;
  constexpr auto operator()(expression auto x) const { return learned(sine(x)); }
};
static_assert(manifest<along_sentence, tensor<f32, B, T, 64>>.size == 1);
static_assert(manifest<along_sentence, tensor<f32, B, T, 64>>.elements == 6400);

struct over_grid {
  constexpr auto operator()(expression auto x) const {
    constexpr dim height = size<0>(x), width = size<1>(x);
    return x + nn::sine_positions_2d<height, width, 64>();
  }
};
static_assert(manifest<over_grid, tensor<f32, H, W, 64>>.size == 0);

using map = tensor<f32, B, 64, H, W>;
static_assert(manifest<nn::feature_map_attention<64, 32>, map>.size == 8);
static_assert(manifest<nn::feature_map_attention<64, 32>, map>.elements ==
              4 * 64 * 32 + 3 * 32 + 64);

}  // namespace
