// expect: shape_error<"conv2d", "groups do not divide: 2 vs 3", "[B, 3, 32, 32]", "[8, 1, 3, 3]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return conv2d<1, 1, 1, 2>(x, param<"w", tensor<f32, 8, 1, 3, 3>>);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, 3, 32, 32>>;
