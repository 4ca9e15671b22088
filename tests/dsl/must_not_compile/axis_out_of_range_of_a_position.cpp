// expect: shape_error<"position", "axis is out of range: 5 vs 3">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return softmax(where(position<5>() <= position<1>(), x, minus_infinity));  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
