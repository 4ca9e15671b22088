// expect: shape_error<"concat", "dimensions differ: 768 vs 64", "[B, T, 768]", "[B, T, 64]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return concat<1>(x, slice<-1, 0, 64>(x));  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
