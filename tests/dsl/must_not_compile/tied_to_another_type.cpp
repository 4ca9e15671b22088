// expect: network_error<"tied to a tensor of another type:", "fc.weight">
#include "heed/dsl/nn/transformer.h"
#include "heed/dsl/nn/patch_embedding.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  sub<"fc", nn::linear<768, 768, false>> fc;
  constexpr auto operator()(expression auto x) const {
    return fc(x) + tied<"fc.weight", tensor<f32, 768>>;
  }
};

constexpr const graph::Function& network = graph_of<model, tensor<f32, B, T, 768>>;  // error here
