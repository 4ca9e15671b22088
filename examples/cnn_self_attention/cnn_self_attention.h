// Self-attention between the layers of a convolutional network: a convolution makes a map of 64
// channels, one position for each 8 × 8 pixels, and attention over all of them lets each position
// see the whole picture.
#pragma once
#include "heed/dsl/nn/feature_map_attention.h"

namespace heed::examples {

struct convolution_with_attention {
  sub<"attention", nn::feature_map_attention<64, 32>> attention;
  // image: [batch, 3, height, width] gives the map: [batch, 64, height / 8, width / 8]
  constexpr auto operator()(expression auto image) const {
    auto weight = param<"stem.weight", tensor<f32, 64, 3, 8, 8>>;
    auto bias = reshape<64, 1, 1>(param<"stem.bias", tensor<f32, 64>>);
    return attention(probe<"map">(relu(conv2d<8>(image, weight) + bias)));
  }
};
using photograph = tensor<f32, dim("B"), 3, 224, 224>;

}  // namespace heed::examples
