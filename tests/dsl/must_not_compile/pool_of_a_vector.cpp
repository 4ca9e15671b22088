// expect: shape_error<"window", "axis is out of range: -2 vs 1", "[B]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return max_pool2d<2>(x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B>>;
