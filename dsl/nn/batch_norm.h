// Batch normalisation as torch.nn.BatchNorm2d and 3d compute it after training, by the statistics
// kept in the checkpoint (Batch Normalization, arXiv 1502.03167, section 3.1). Behind a convolution
// its factor goes into the weights.
#pragma once
#include "heed/dsl/dsl.h"

namespace heed::nn {

template <std::int64_t Channels, double Epsilon = 1e-5>
struct batch_norm {
  static constexpr graph::Problem check(const TensorType& x) {
    if (x.shape.rank != 4 && x.shape.rank != 5)
      return graph::problem(message::rank_differs, Dim(x.shape.rank), Dim(4));
    if (!(x.shape[1] == Dim(Channels)))
      return graph::problem(message::weight_length_differs, Dim(Channels), x.shape[1]);
    return graph::no_problem;
  }
  // x: [batch, channels, image...]
  constexpr auto operator()(expression auto x) const {
    constexpr DType e = dtype_of(x);
    constexpr int axes = rank(x);
    using vector = tensor<e, Channels>;
    auto scale = param<"weight", vector> * rsqrt(param<"running_var", vector> + scalar<Epsilon>);
    auto shift = param<"bias", vector> - param<"running_mean", vector> * scale;
    if constexpr (axes == 4)
      return x * reshape<Channels, 1, 1>(scale) + reshape<Channels, 1, 1>(shift);
    else return x * reshape<Channels, 1, 1, 1>(scale) + reshape<Channels, 1, 1, 1>(shift);
  }
};

}  // namespace heed::nn
