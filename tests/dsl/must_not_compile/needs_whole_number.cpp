// expect: shape_error<"constant", "scalar is not a whole number">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return x + scalar<0.5>;  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<i64, B, T>>;
