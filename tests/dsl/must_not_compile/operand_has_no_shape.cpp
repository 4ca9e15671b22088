// expect: shape_error<"operand", "a scalar or position has no shape">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return matmul(x, scalar<1>);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
