// expect: shape_error<"gather", "needs i32 or i64, found: f32", "[100, 64]", "[B, T]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return embedding(param<"w", tensor<f32, 100, 64>>, x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T>>;
