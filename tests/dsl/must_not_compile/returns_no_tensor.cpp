// expect: shape_error<"nothing", "module returns no tensor", "n">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct nothing {
  constexpr int operator()(expression auto) const { return 0; }
};

struct model {
  sub<"n", nothing> n;
  constexpr auto operator()(expression auto x) const {
    return n(x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
