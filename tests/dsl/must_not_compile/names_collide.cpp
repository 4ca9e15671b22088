// expect: network_error<"two parameters share a name:", "blocks.1.norm.weight">
#include "heed/dsl/nn/transformer.h"
#include "heed/dsl/nn/patch_embedding.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  sub<"blocks.0.norm", nn::layer_norm<768>> norm0;
  sub<"blocks.1.norm", nn::layer_norm<768>> norm1;
  constexpr auto operator()(expression auto x) const {
    return norm1(norm0(norm1(x)));
  }
};

constexpr const graph::Function& network = graph_of<model, tensor<f32, B, T, 768>>;  // error here
