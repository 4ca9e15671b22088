// Attention of one set of vectors over another, nothing hidden: e = q kᵀ / √d, a = softmax(e), y =
// a v.
#pragma once
#include "heed/dsl/dsl.h"

namespace heed::examples {

struct general_attention {
  // queries: [N, d], keys: [M, d], values: [M, v] give the context, [N, v]
  constexpr auto operator()(expression auto queries, expression auto keys,
                            expression auto values) const {
    constexpr dim features = size<-1>(queries);
    auto scores = probe<"scores">(matmul(queries, transpose(keys)) * rsqrt_of<features.constant>);
    auto weights = probe<"weights">(softmax<-1>(scores));
    return matmul(weights, values);
  }
};

constexpr std::int64_t pixels = 64, digit_classes = 10;
using queries_type = tensor<f32, dim("N"), pixels>;
using keys_type = tensor<f32, dim("M"), pixels>;
using values_type = tensor<f32, dim("M"), digit_classes>;

}  // namespace heed::examples
