// expect: shape_error<"layer_norm", "weight length differs: 512 vs 768", "norm", "[B, T, 768]">
#include "heed/dsl/nn/transformer.h"
#include "heed/dsl/nn/patch_embedding.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  sub<"norm", nn::layer_norm<512>> norm;
  constexpr auto operator()(expression auto x) const {
    return norm(x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
