// expect: network_error<"tied, but declared nowhere:", "fc.weight">
#include "heed/dsl/nn/transformer.h"
#include "heed/dsl/nn/patch_embedding.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  sub<"fc", nn::linear<768, 768, false>> fc;
  constexpr auto operator()(expression auto x) const {
    return x + tied<"fc", nn::linear<768, 768>>(x);
  }
};

constexpr const graph::Function& network = graph_of<model, tensor<f32, B, T, 768>>;  // error here
