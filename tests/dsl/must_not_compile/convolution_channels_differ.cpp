// expect: shape_error<"convolution", "weight channels differ: 8 vs 3", "conv", "[B, 3, 9, 9]">
#include "heed/dsl/nn/convolution.h"
using namespace heed;
constexpr dim B{"B"};

struct model {
  sub<"conv", nn::convolution<8, 4, 3>> conv;
  constexpr auto operator()(expression auto x) const {
    return conv(x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, 3, 9, 9>>;
