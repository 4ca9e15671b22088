// An image as tokens: [batch, channels, height, width] to [batch, patches, features], named as in
// timm.
#pragma once
#include "heed/dsl/dsl.h"

namespace heed::nn {

template <std::int64_t Channels, std::int64_t Features, std::int64_t Patch>
struct patch_embedding {
  static constexpr graph::Problem check(const TensorType& x) {
    if (x.shape.rank != 4) return graph::problem(message::rank_differs, Dim(x.shape.rank), Dim(4));
    if (!(x.shape[1] == Dim(Channels)))
      return graph::problem(message::weight_channels_differ, Dim(Channels), x.shape[1]);
    return graph::no_problem;
  }
  constexpr auto operator()(expression auto image) const {
    constexpr DType e = dtype_of(image);
    auto weight = param<"proj.weight", tensor<e, Features, Channels, Patch, Patch>>;
    auto bias = reshape<Features, 1, 1>(param<"proj.bias", tensor<e, Features>>);
    auto y = conv2d<Patch>(image, weight) + bias;
    constexpr dim batch = size<0>(y), height = size<2>(y), width = size<3>(y);
    return transpose(reshape<batch, Features, height * width>(y));
  }
};

}  // namespace heed::nn
