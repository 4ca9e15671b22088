// expect: shape_error<"matmul", "rank is too small: 1 vs 2", "[B, T, 768]", "[768]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return matmul(x, param<"w", tensor<f32, 768>>);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
