// expect: shape_error<"gru", "state columns differ: 512 vs 256", "gru", "[B, T, 64]", "[1, B, 256]">
#include "heed/dsl/nn/recurrent.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  sub<"gru", nn::gru<64, 512>> gru;
  constexpr auto operator()(expression auto x, expression auto h) const {
    return gru(x, h);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 64>, tensor<f32, 1, B, 256>>;
