// expect: shape_error<"linear", "takes another number of inputs", "fc1">
#include "heed/dsl/nn/transformer.h"
#include "heed/dsl/nn/patch_embedding.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  sub<"fc1", nn::linear<768, 768>> fc1;
  constexpr auto operator()(expression auto x) const {
    return fc1(x, x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
