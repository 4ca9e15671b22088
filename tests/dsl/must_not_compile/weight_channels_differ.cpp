// expect: shape_error<"patch_embedding", "weight channels differ: 1 vs 3", "patch_embed", "[B, 3, 32, 32]">
#include "heed/dsl/nn/transformer.h"
#include "heed/dsl/nn/patch_embedding.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  sub<"patch_embed", nn::patch_embedding<1, 64, 8>> embed;
  constexpr auto operator()(expression auto x) const {
    return embed(x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, 3, 32, 32>>;
