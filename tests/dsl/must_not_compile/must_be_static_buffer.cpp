// expect: shape_error<"buffer", "must be static: T">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};
struct zeros {
  static void fill(std::span<float> out) { for (float& v : out) v = 0; }
};

struct model {
  constexpr auto operator()(expression auto x) const {
    return x + buffer<"mask", tensor<f32, T, 1>, zeros>;  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
