// expect: shape_error<"permute", "not a permutation of the axes", "[B, T, 768]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return permute<0, 2, 2>(x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
