// expect: shape_error<"matmul", "batch dimensions differ: B vs 3", "[B, T, 768]", "[3, 768, 8]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return matmul(x, param<"w", tensor<f32, 3, 768, 8>>);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
