// expect: shape_error<"batch_norm", "weight length differs: 8 vs 3", "norm", "[B, 3, 9, 9]">
#include "heed/dsl/nn/batch_norm.h"
using namespace heed;
constexpr dim B{"B"};

struct model {
  sub<"norm", nn::batch_norm<8>> norm;
  constexpr auto operator()(expression auto x) const {
    return norm(x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, 3, 9, 9>>;
