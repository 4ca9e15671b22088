// expect: shape_error<"interpolate_bilinear", "rank differs: 3 vs 4", "[B, T, 64]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return interpolate_bilinear<14, 14>(x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 64>>;
