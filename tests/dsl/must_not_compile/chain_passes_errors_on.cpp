// expect: shape_error<"linear", "weight columns differ: 512 vs 64", "1", "[B, T, 64]">
#include "heed/dsl/nn/transformer.h"
#include "heed/dsl/nn/patch_embedding.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  chain<sub<"0", nn::linear<768, 64>>, sub<"1", nn::linear<512, 8>>, sub<"2", nn::linear<8, 8>>> layers;
  constexpr auto operator()(expression auto x) const {
    return layers(x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
