// expect: shape_error<"conv2d", "kernel exceeds the image: 7 vs 6", "[B, 3, 4, 4]", "[8, 3, 7, 7]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return conv2d<1, 1>(x, param<"w", tensor<f32, 8, 3, 7, 7>>);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, 3, 4, 4>>;
