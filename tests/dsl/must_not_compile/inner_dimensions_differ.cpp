// expect: shape_error<"matmul", "inner dimensions differ: 768 vs 512", "[B, T, 768]", "[512, 768]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return matmul(x, param<"w", tensor<f32, 512, 768>>);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
