// expect: shape_error<"add", "needs a number, found: bool", "[B, T]", "[B, T]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return x + x;  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<boolean, B, T>>;
