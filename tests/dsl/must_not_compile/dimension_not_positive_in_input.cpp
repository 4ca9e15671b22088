// expect: shape_error<"input", "dimension is not positive: 0", "[B, 0]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const { return x; }
};

constexpr const graph::Function& network = graph_of<model, tensor<f32, B, 0>>;  // error here
