// expect: shape_error<"multi_head_attention", "in_proj_weight columns differ:", "512 vs 768", "attn", "[B, T, 768]">
#include "heed/dsl/nn/transformer.h"
#include "heed/dsl/nn/patch_embedding.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  sub<"attn", nn::multi_head_attention<512, 8>> attn;
  constexpr auto operator()(expression auto x) const {
    return attn(x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
