// expect: shape_error<"normalize", "epsilon is not positive", "[B, T, 768]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return normalize<0.0>(x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
