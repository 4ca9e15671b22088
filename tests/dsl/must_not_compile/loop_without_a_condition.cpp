// expect: shape_error<"loop", "returns fewer values than states", "write">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"};

struct body {
  constexpr auto operator()(expression auto x) const { return x * scalar<2>; }
};
struct model {
  loop<"write", body, 8> write;
  constexpr auto operator()(expression auto x) const {
    return write(states(x));  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, 64>>;
