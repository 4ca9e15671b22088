// Networks in which tokens know where they stand: by sines and cosines, along a sentence and over a
// picture.
#pragma once
#include "../shared/tokens.h"
#include "heed/dsl/nn/attention.h"
#include "heed/dsl/nn/positions.h"

namespace heed::examples {

inline constexpr std::int64_t longest_sentence = 512;
using sentence_positions = nn::sinusoidal_positions<token_features, longest_sentence>;

// Where a grid's cells are, added to x: [height, width, features]
struct grid_positions {
  constexpr auto operator()(expression auto x) const {
    constexpr dim height = size<0>(x), width = size<1>(x), features = size<2>(x);
    return x + nn::sine_positions_2d<height, width, features.constant>();
  }
};
using grid = tensor<f32, dim("H"), dim("W"), token_features>;

// Self-attention of tokens, with and without their positions
using unordered_attention = nn::multi_head_attention<token_features, attention_heads>;
struct ordered_attention {
  sub<"positions", sentence_positions> positions;
  sub<"", unordered_attention> attend;
  constexpr auto operator()(expression auto x) const { return attend(positions(x)); }
};

}  // namespace heed::examples
