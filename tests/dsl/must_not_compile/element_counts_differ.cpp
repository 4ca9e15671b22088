// expect: shape_error<"reshape", "element counts differ: 768 vs 780", "[B, T, 768]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return reshape<B, T, 12, 65>(x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
