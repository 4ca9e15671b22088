// expect: shape_error<"linear", "weight columns differ: 512 vs 768", "fc1", "[B, T, 768]">
#include "heed/dsl/nn/transformer.h"
#include "heed/dsl/nn/patch_embedding.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  sub<"fc1", nn::linear<512, 768>> fc1;
  constexpr auto operator()(expression auto x) const {
    return relu(fc1(x));  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
