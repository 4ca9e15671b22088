// expect: shape_error<"split", "does not split evenly: 768 vs 5", "[B, T, 768]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    auto [a, b, c, d, e] = split<5, -1>(x);  // error here
    return a + b + c + d + e;
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
