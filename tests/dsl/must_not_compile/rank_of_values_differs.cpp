// expect: shape_error<"multi_head_attention", "rank differs: 2 vs 3", "attn", "[B, T, 64]", "[B, T, 64]", "[B, 64]">
#include "heed/dsl/nn/attention.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  sub<"attn", nn::multi_head_attention<64, 4>> attn;
  constexpr auto operator()(expression auto x, expression auto values) const {
    return attn(x, x, values);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 64>, tensor<f32, B, 64>>;
