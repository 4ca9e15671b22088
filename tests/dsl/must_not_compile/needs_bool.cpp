// expect: shape_error<"where", "needs bool, found: f32", "[B, T, 768]", "[B, T, 768]", "[B, T, 768]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return where(x, x, x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
