// expect: shape_error<"conv2d", "rank differs: 3 vs 4", "[B, T, 768]", "[64, 768, 1, 1]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return conv2d(x, param<"w", tensor<f32, 64, 768, 1, 1>>);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
