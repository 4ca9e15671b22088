// expect: shape_error<"loop", "a state must keep its type", "write", "[B, 64]", "[B, 1]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"};

struct body {
  constexpr auto operator()(expression auto x) const {
    auto most = max<-1, keep>(x);
    return parts{most, most < scalar<8>};
  }
};
struct model {
  loop<"write", body, 8> write;
  constexpr auto operator()(expression auto x) const {
    return write(states(x));  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, 64>>;
