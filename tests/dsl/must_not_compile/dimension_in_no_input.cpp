// expect: network_error<"a dimension is in no input:", "S">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return broadcast_to<dim("S"), 768>(param<"w", tensor<f32, 768>>);
  }
};

constexpr const graph::Function& network = graph_of<model, tensor<f32, B, T, 768>>;  // error here
