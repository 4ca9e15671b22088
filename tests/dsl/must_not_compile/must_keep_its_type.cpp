// expect: shape_error<"repeat", "a repeated block must keep its type", "layers", "[B, T, 768]", "[B, T, 512]">
#include "heed/dsl/nn/transformer.h"
#include "heed/dsl/nn/patch_embedding.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  repeat<"layers", 12, nn::linear<768, 512>> layers;
  constexpr auto operator()(expression auto x) const {
    return layers(x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
