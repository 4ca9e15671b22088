// expect: network_error<"two parameters share a name:", "norm.bias">
#include "heed/dsl/nn/transformer.h"
#include "heed/dsl/nn/patch_embedding.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  sub<"norm", nn::layer_norm<768>> norm;
  constexpr auto operator()(expression auto x) const {
    return norm(x) + param<"norm.bias", tensor<f32, 768>>;
  }
};

constexpr const graph::Function& network = graph_of<model, tensor<f32, B, T, 768>>;  // error here
