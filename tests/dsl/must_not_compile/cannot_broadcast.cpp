// expect: shape_error<"add", "cannot broadcast: T vs 197", "[B, T, 768]", "[1, 197, 768]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return x + param<"pos_embed", tensor<f32, 1, 197, 768>>;  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
