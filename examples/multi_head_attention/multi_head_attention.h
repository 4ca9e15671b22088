// Several heads attend in parallel, each to its own share of the features; joined and projected,
// named as torch.nn.MultiheadAttention. One head after the other gives the same.
#pragma once
#include "../shared/tokens.h"
#include "heed/dsl/nn/attention.h"

namespace heed::examples {

inline constexpr std::int64_t head_features = token_features / attention_heads;
using multi_head_attention = nn::multi_head_attention<token_features, attention_heads>;

// The same from its parts: every head has its own rows of the projections.
struct heads_one_by_one {
  sub<"out_proj", nn::linear<token_features, token_features>> out_proj;
  constexpr auto operator()(expression auto x) const {
    return out_proj(
        concat<-1>(head<0>(x), head<1>(x), head<2>(x), head<3>(x), head<4>(x), head<5>(x)));
  }

 private:
  // Part 0, 1, 2 of the projections: queries, keys, values.
  template <int Part, int Head>
  static constexpr auto projected(expression auto x) {
    constexpr std::int64_t from = Part * token_features + Head * head_features;
    auto weight = param<"in_proj_weight", tensor<f32, 3 * token_features, token_features>>;
    auto bias = param<"in_proj_bias", tensor<f32, 3 * token_features>>;
    return matmul(x, transpose(slice<0, from, from + head_features>(weight))) +
           slice<0, from, from + head_features>(bias);
  }
  template <int Head>
  static constexpr auto head(expression auto x) {
    auto weights = softmax<-1>(nn::scaled_scores(projected<0, Head>(x), projected<1, Head>(x)));
    return matmul(weights, projected<2, Head>(x));
  }
};

}  // namespace heed::examples
