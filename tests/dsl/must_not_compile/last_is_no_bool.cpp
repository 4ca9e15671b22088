// expect: shape_error<"loop", "must return a bool last, not: f32", "write", "[B, 64]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"};

struct body {
  constexpr auto operator()(expression auto x) const { return parts{x * scalar<2>, x}; }
};
struct model {
  loop<"write", body, 8> write;
  constexpr auto operator()(expression auto x) const {
    return write(states(x));  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, 64>>;
