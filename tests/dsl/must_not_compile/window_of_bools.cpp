// expect: shape_error<"window", "needs a number, found: bool", "[B, 8]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return window<-1, 2>(x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<boolean, B, 8>>;
