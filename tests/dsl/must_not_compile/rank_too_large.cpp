// expect: shape_error<"gather", "rank is too large: 9 vs 8", "[9, 1, 1, 1, 1, 1, 1, 64]", "[B, T]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return embedding(param<"w", tensor<f32, 9, 1, 1, 1, 1, 1, 1, 64>>, x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<i64, B, T>>;
