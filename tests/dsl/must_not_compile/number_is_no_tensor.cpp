// expect: shape_error<"mul", "numbers are written scalar<...>">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return x * 2;  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
