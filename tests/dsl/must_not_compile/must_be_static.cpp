// expect: shape_error<"parameter", "must be static: T">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return x + param<"bias", tensor<f32, T, 768>>;  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
