// expect: shape_error<"random", "gives f32 or i32, not: i64", "[]", "[B]", "[B, T]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto seed, expression auto row, expression auto x) const {
    return random<i64>(seed, row, x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<i64>, tensor<i64, B>, tensor<i64, B, T>>;
