// expect: shape_error<"append", "layer is out of range: 6 vs 6", "[6, B, C, 64]", "[B, 1, 64]", "[B]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, C{"C"};

struct model {
  constexpr auto operator()(expression auto cache, expression auto rows, expression auto at) const {
    return append<6>(cache, rows, at);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, 6, B, C, 64>, tensor<f32, B, 1, 64>, tensor<i64, B>>;
