// DETR with a ResNet-50 (End-to-End Object Detection with Transformers, arXiv 2005.12872,
// section 3.2 and appendix A.4), for images of any size, with the parameter names of transformers'
// checkpoints (facebook/detr-resnet-50).
#pragma once
#include "heed/dsl/nn/attention.h"
#include "heed/dsl/nn/norm.h"
#include "heed/dsl/nn/positions.h"
#include "heed/dsl/nn/resnet.h"

namespace heed::nn {

// Positions are added to queries and keys in every layer, never to values.
template <std::int64_t Features, std::int64_t Heads>
struct detr_attention {
  sub<"q_proj", linear<Features, Features>> q_proj;
  sub<"k_proj", linear<Features, Features>> k_proj;
  sub<"v_proj", linear<Features, Features>> v_proj;
  sub<"out_proj", linear<Features, Features>> out_proj;
  constexpr auto operator()(expression auto query, expression auto key,
                            expression auto value) const {
    return out_proj(
        merge_heads(attention(split_heads<Heads>(q_proj(query)), split_heads<Heads>(k_proj(key)),
                              split_heads<Heads>(v_proj(value)))));
  }
};

// x: [batch, cells, Features], positions: [cells, Features]
template <std::int64_t Features, std::int64_t Heads, std::int64_t Hidden>
struct detr_encoder_layer {
  sub<"self_attn", detr_attention<Features, Heads>> self_attn;
  sub<"self_attn_layer_norm", layer_norm<Features>> attention_norm;
  sub<"fc1", linear<Features, Hidden>> fc1;
  sub<"fc2", linear<Hidden, Features>> fc2;
  sub<"final_layer_norm", layer_norm<Features>> final_norm;
  constexpr auto operator()(expression auto x, expression auto positions) const {
    auto y = attention_norm(x + self_attn(x + positions, x + positions, x));
    return final_norm(y + fc2(relu(fc1(y))));
  }
};

// x: [batch, queries, Features]; memory and keys, which is memory with positions: [batch, cells,
// Features]
template <std::int64_t Features, std::int64_t Heads, std::int64_t Hidden>
struct detr_decoder_layer {
  sub<"self_attn", detr_attention<Features, Heads>> self_attn;
  sub<"self_attn_layer_norm", layer_norm<Features>> self_attention_norm;
  sub<"encoder_attn", detr_attention<Features, Heads>> cross_attn;
  sub<"encoder_attn_layer_norm", layer_norm<Features>> cross_attention_norm;
  sub<"fc1", linear<Features, Hidden>> fc1;
  sub<"fc2", linear<Hidden, Features>> fc2;
  sub<"final_layer_norm", layer_norm<Features>> final_norm;
  constexpr auto operator()(expression auto x, expression auto memory, expression auto keys,
                            expression auto queries) const {
    auto y = self_attention_norm(x + self_attn(x + queries, x + queries, x));
    auto z = cross_attention_norm(y + cross_attn(y + queries, keys, memory));
    return final_norm(z + fc2(relu(fc1(z))));
  }
};

// Boxes before the sigmoid.
template <std::int64_t Features>
struct detr_box_head {
  sub<"layers.0", linear<Features, Features>> first;
  sub<"layers.1", linear<Features, Features>> second;
  sub<"layers.2", linear<Features, 4>> third;
  constexpr auto operator()(expression auto x) const { return third(relu(second(relu(first(x))))); }
};

// Looks for objects in a map of features, [batch, Channels, height, width]. Gives what the queries
// found, [batch, Queries, Features], the map as the encoder leaves it, [batch, height * width,
// Features], and as it enters there, [batch, Features, height, width].
template <std::int64_t Channels, std::int64_t Queries, std::int64_t Depth, std::int64_t Features,
          std::int64_t Heads, std::int64_t Hidden>
struct detr_transformer {
  sub<"input_projection", convolution<Channels, Features, 1>> input_projection;
  repeat<"encoder.layers", Depth, detr_encoder_layer<Features, Heads, Hidden>> encoder;
  repeat<"decoder.layers", Depth, detr_decoder_layer<Features, Heads, Hidden>> decoder;
  sub<"decoder.layernorm", layer_norm<Features>> decoder_norm;

  constexpr auto operator()(expression auto features) const {
    constexpr DType e = dtype_of(features);
    auto grid = input_projection(features);
    constexpr dim batch = size<0>(grid), height = size<2>(grid), width = size<3>(grid);
    auto positions =
        reshape<height * width, Features>(sine_positions_2d<height, width, Features>());
    auto cells = transpose(reshape<batch, Features, height * width>(grid));
    auto memory = probe<"memory">(encoder(probe<"cells">(cells), positions));
    auto queries = broadcast_to<batch, Queries, Features>(
        param<"query_position_embeddings.weight", tensor<e, Queries, Features>>);
    auto start = broadcast_to<batch, Queries, Features>(scalar<0>);
    return parts{probe<"found">(decoder_norm(decoder(start, memory, memory + positions, queries))),
                 memory, grid};
  }
};

template <std::int64_t Classes, std::int64_t Queries, std::int64_t Depth,
          std::int64_t Features = 256, std::int64_t Heads = 8, std::int64_t Hidden = 2048>
struct detr {
  sub<"model.backbone.conv_encoder.model", resnet_50_features> backbone;
  sub<"model", detr_transformer<2048, Queries, Depth, Features, Heads, Hidden>> transformer;
  sub<"class_labels_classifier", linear<Features, Classes + 1>> classifier;
  sub<"bbox_predictor", detr_box_head<Features>> box_head;

  // image: [batch, 3, height, width] gives, for each query, scores [batch, Queries, Classes + 1],
  // of which the last one means "no object", and boxes [batch, Queries, 4]: centre x and y, width
  // and height, as parts of the image's sides.
  constexpr auto operator()(expression auto image) const {
    auto [found, memory, grid] = transformer(backbone(image));
    return parts{classifier(found), sigmoid(box_head(found))};
  }
};

using detr_r50 = detr<91, 100, 6>;

}  // namespace heed::nn
