// Self-attention over the positions of a feature map, between the convolutions of a network: 1 x 1
// convolutions make queries, keys and values of Inner channels, another one leads back, and the map
// itself is added (Zhang et al., Self- Attention Generative Adversarial Networks, section 3, with
// scores scaled by 1 / sqrt(Inner)).
#pragma once
#include "heed/dsl/nn/attention.h"

namespace heed::nn {

template <std::int64_t In, std::int64_t Out>
struct pointwise_convolution {
  static constexpr graph::Problem check(const TensorType& x) {
    if (x.shape.rank != 4) return graph::problem(message::rank_differs, Dim(x.shape.rank), Dim(4));
    if (!(x.shape[1] == Dim(In)))
      return graph::problem(message::weight_channels_differ, Dim(In), x.shape[1]);
    return graph::no_problem;
  }
  constexpr auto operator()(expression auto x) const {
    constexpr DType e = dtype_of(x);
    return conv2d(x, param<"weight", tensor<e, Out, In, 1, 1>>) +
           reshape<Out, 1, 1>(param<"bias", tensor<e, Out>>);
  }
};

// x: [batch, Channels, height, width], of any height and width, and so the result
template <std::int64_t Channels, std::int64_t Inner>
struct feature_map_attention {
  sub<"query", pointwise_convolution<Channels, Inner>> query;
  sub<"key", pointwise_convolution<Channels, Inner>> key;
  sub<"value", pointwise_convolution<Channels, Inner>> value;
  sub<"out", pointwise_convolution<Inner, Channels>> out;

  constexpr auto operator()(expression auto x) const {
    constexpr dim batch = size<0>(x), height = size<2>(x), width = size<3>(x);
    auto seen = attention(positions(query(x)), positions(key(x)), positions(value(x)));
    return x + out(reshape<batch, Inner, height, width>(transpose(seen)));
  }

 private:
  // [batch, Inner, height, width] to [batch, 1, height * width, Inner]: one head
  static constexpr auto positions(expression auto map) {
    constexpr dim batch = size<0>(map), cells = size<2>(map) * size<3>(map);
    return transpose(reshape<batch, 1, Inner, cells>(map));
  }
};

}  // namespace heed::nn
