// expect: shape_error<"softmax", "needs a float dtype, found: i64", "[B, T]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return softmax(x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<i64, B, T>>;
