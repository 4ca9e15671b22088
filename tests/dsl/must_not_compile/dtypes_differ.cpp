// expect: shape_error<"add", "dtypes differ: f32 vs f16", "[B, T, 768]", "[768]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return x + param<"w", tensor<f16, 768>>;  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
