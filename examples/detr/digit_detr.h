// The DETR that train_detr.py trains: a stem of four convolutions, two layers each of encoder and
// decoder, and a box of its own for each query to begin with.
#pragma once
#include "heed/dsl/nn/detr.h"

namespace heed::examples {

template <std::int64_t In, std::int64_t Out, int Stride>
struct digit_stem_layer {
  sub<"conv", nn::convolution<In, Out, 3, Stride, 1, false>> conv;
  sub<"bn", nn::batch_norm<Out>> norm;
  constexpr auto operator()(expression auto x) const { return relu(norm(conv(x))); }
};

// [batch, 1, 64, 64] to [batch, 64, 8, 8]. A cell also says where it is: values of attention have
// no positions, and two layers alone hardly learn to tell places by what else is there.
struct digit_stem {
  chain<sub<"0", digit_stem_layer<1, 16, 2>>, sub<"1", digit_stem_layer<16, 32, 2>>,
        sub<"2", digit_stem_layer<32, 64, 2>>, sub<"3", digit_stem_layer<64, 64, 1>>>
      layers;
  constexpr auto operator()(expression auto picture) const {
    return layers(picture) + param<"places", tensor<f32, 64, 8, 8>>;
  }
};

struct digit_detr {
  static constexpr int depth = 2;
  sub<"model.backbone.conv_encoder.model", digit_stem> backbone;
  // 16 queries of 64 features, 4 heads
  sub<"model", nn::detr_transformer<64, 16, depth, 64, 4, 128>> transformer;
  sub<"class_labels_classifier", nn::linear<64, 11>> classifier;
  sub<"bbox_predictor", nn::detr_box_head<64>> box_head;

  // picture: [batch, 1, 64, 64] gives scores [batch, 16, 11] and boxes [batch, 16, 4], as nn::detr
  // does
  constexpr auto operator()(expression auto picture) const {
    auto [found, memory, grid] = transformer(backbone(picture));
    return parts{classifier(found),
                 sigmoid(box_head(found) + param<"reference_points.weight", tensor<f32, 16, 4>>)};
  }
};

}  // namespace heed::examples
