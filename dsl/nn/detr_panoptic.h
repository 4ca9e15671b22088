// DETR that paints its objects (arXiv 2005.12872, section 4.2 and figure 8): each query's attention
// over the picture is grown, by convolutions and the backbone's finer maps, to a mask a quarter of
// the picture's size. Parameters have the names of transformers' checkpoints
// (facebook/detr-resnet-50-panoptic).
#pragma once
#include "heed/dsl/nn/detr.h"

namespace heed::nn {

// torch.nn.GroupNorm (arXiv 1803.08494) of x: [batch, Channels, height, width]
template <std::int64_t Channels, std::int64_t Groups = 8, double Epsilon = 1e-5>
struct group_norm {
  static constexpr graph::Problem check(const TensorType& x) {
    if (x.shape.rank != 4) return graph::problem(message::rank_differs, Dim(x.shape.rank), Dim(4));
    if (!(x.shape[1] == Dim(Channels)))
      return graph::problem(message::weight_length_differs, Dim(Channels), x.shape[1]);
    return graph::no_problem;
  }
  constexpr auto operator()(expression auto x) const {
    constexpr DType e = dtype_of(x);
    constexpr dim batch = size<0>(x), height = size<2>(x), width = size<3>(x);
    auto groups = normalize<Epsilon>(reshape<batch, Groups, Channels / Groups * height * width>(x));
    auto scale = reshape<Channels, 1, 1>(param<"weight", tensor<e, Channels>>);
    return reshape<batch, Channels, height, width>(groups) * scale +
           reshape<Channels, 1, 1>(param<"bias", tensor<e, Channels>>);
  }
};

// Where each query looks: softmax over all heads and cells at once.
// found: [batch, queries, Features], memory: [batch, height * width, Features], grid: [batch, …,
// height, width] gives [batch * queries, Heads, height, width]
template <std::int64_t Features, std::int64_t Heads>
struct detr_attention_map {
  sub<"q_linear", linear<Features, Features>> q_linear;
  sub<"k_linear", linear<Features, Features>> k_linear;
  constexpr auto operator()(expression auto found, expression auto memory,
                            expression auto grid) const {
    constexpr dim batch = size<0>(found), queries = size<1>(found), height = size<2>(grid),
                  width = size<3>(grid);
    auto scores =
        scaled_scores(split_heads<Heads>(q_linear(found)), split_heads<Heads>(k_linear(memory)));
    auto all = reshape<batch, queries, Heads * height * width>(permute<0, 2, 1, 3>(scores));
    return reshape<batch * queries, Heads, height, width>(probe<"attention">(softmax<-1>(all)));
  }
};

// The convolution of [a, b] along the channels where a: [batch, A, height, width] is the same for
// all queries of b: [batch * Queries, B, height, width]. It is linear, so a's part is computed once
// and not for each query.
template <std::int64_t A, std::int64_t B, std::int64_t Out, std::int64_t Queries>
struct shared_convolution {
  constexpr auto operator()(expression auto a, expression auto b) const {
    constexpr DType e = dtype_of(a);
    constexpr dim batch = size<0>(a), height = size<2>(a), width = size<3>(a);
    auto weight = param<"weight", tensor<e, Out, A + B, 3, 3>>;
    auto bias = reshape<Out, 1, 1>(param<"bias", tensor<e, Out>>);
    auto once = conv2d<1, 1>(a, slice<1, 0, A>(weight)) + bias;
    auto each_query = conv2d<1, 1>(b, slice<1, A, A + B>(weight));
    auto sum = reshape<batch, Queries, Out, height, width>(each_query) +
               reshape<batch, 1, Out, height, width>(once);
    return reshape<batch * Queries, Out, height, width>(sum);
  }
};

// x: [batch * Queries, Channels, …] at the size of finer: [batch, Channels, height, width], which
// is added to every query's, channels last, as convolutions read
template <std::int64_t Queries>
constexpr auto grown(expression auto x, expression auto finer) {
  constexpr dim batch = size<0>(finer), channels = size<1>(finer), height = size<2>(finer),
                width = size<3>(finer);
  auto larger = permute<0, 2, 3, 1>(interpolate_nearest<height, width>(x));
  auto sum = reshape<batch, 1, height, width, channels>(permute<0, 2, 3, 1>(finer)) +
             reshape<batch, Queries, height, width, channels>(larger);
  return permute<0, 3, 1, 2>(reshape<batch * Queries, height, width, channels>(sum));
}

// features: the map that the encoder was given, [batch, Features, height, width]; attention as
// above; third, second, first: the backbone's maps, [batch, 1024, …], [batch, 512, …], [batch, 256,
// …]. Gives logits [batch, Queries, …] of first's size.
template <std::int64_t Features, std::int64_t Heads, std::int64_t Queries>
struct detr_mask_head {
  static constexpr std::int64_t both = Features + Heads;
  sub<"lay1", shared_convolution<Features, Heads, both, Queries>> lay1;
  sub<"gn1", group_norm<both>> gn1;
  sub<"lay2", convolution<both, Features / 2, 3, 1, 1>> lay2;
  sub<"gn2", group_norm<Features / 2>> gn2;
  sub<"adapter1", convolution<1024, Features / 2, 1>> adapter1;
  sub<"lay3", convolution<Features / 2, Features / 4, 3, 1, 1>> lay3;
  sub<"gn3", group_norm<Features / 4>> gn3;
  sub<"adapter2", convolution<512, Features / 4, 1>> adapter2;
  sub<"lay4", convolution<Features / 4, Features / 8, 3, 1, 1>> lay4;
  sub<"gn4", group_norm<Features / 8>> gn4;
  sub<"adapter3", convolution<256, Features / 8, 1>> adapter3;
  sub<"lay5", convolution<Features / 8, Features / 16, 3, 1, 1>> lay5;
  sub<"gn5", group_norm<Features / 16>> gn5;
  sub<"out_lay", convolution<Features / 16, 1, 3, 1, 1>> out_lay;

  constexpr auto operator()(expression auto features, expression auto attention,
                            expression auto third, expression auto second,
                            expression auto first) const {
    constexpr dim batch = size<0>(first), height = size<2>(first), width = size<3>(first);
    auto coarse = relu(gn2(lay2(relu(gn1(lay1(features, attention))))));
    auto a = relu(gn3(lay3(grown<Queries>(coarse, adapter1(third)))));
    auto b = relu(gn4(lay4(grown<Queries>(a, adapter2(second)))));
    auto c = relu(gn5(lay5(grown<Queries>(b, adapter3(first)))));
    return reshape<batch, Queries, height, width>(out_lay(c));
  }
};

template <std::int64_t Classes, std::int64_t Queries, std::int64_t Depth,
          std::int64_t Features = 256, std::int64_t Heads = 8, std::int64_t Hidden = 2048>
struct detr_panoptic {
  sub<"detr.model.backbone.conv_encoder.model", resnet_50_pyramid> backbone;
  sub<"detr.model", detr_transformer<2048, Queries, Depth, Features, Heads, Hidden>> transformer;
  sub<"detr.class_labels_classifier", linear<Features, Classes + 1>> classifier;
  sub<"detr.bbox_predictor", detr_box_head<Features>> box_head;
  sub<"bbox_attention", detr_attention_map<Features, Heads>> bbox_attention;
  sub<"mask_head", detr_mask_head<Features, Heads, Queries>> mask_head;

  // image: [batch, 3, height, width] gives, besides what `detr` gives, logits of masks, [batch,
  // Queries, ⌈height/4⌉, ⌈width/4⌉].
  constexpr auto operator()(expression auto image) const {
    auto [first, second, third, last] = backbone(image);
    auto [found, memory, grid] = transformer(last);
    auto masks = mask_head(grid, bbox_attention(found, memory, grid), third, second, first);
    return parts{classifier(found), sigmoid(box_head(found)), masks};
  }
};

using detr_panoptic_r50 = detr_panoptic<250, 100, 6>;

}  // namespace heed::nn
