// expect: shape_error<"window", "padding is negative: -1", "[B, 8, 6, 6]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return avg_pool2d<3, 2, -1>(x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, 8, 6, 6>>;
