// expect: shape_error<"conv3d", "rank differs: 4 vs 5", "[B, 3, 8, 8]", "[8, 3, 3, 3, 3]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return conv3d(x, param<"w", tensor<f32, 8, 3, 3, 3, 3>>);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, 3, 8, 8>>;
