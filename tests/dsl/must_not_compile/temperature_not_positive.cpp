// expect: shape_error<"sampled", "temperature is not positive">
#include "heed/dsl/nn/sampling.h"
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, V{"V"};

struct model {
  constexpr auto operator()(expression auto logits, expression auto seed, expression auto row) const {
    return nn::sampled(logits, seed, row, row, scalar<0>, scalar<0>, scalar<1>);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, V>, tensor<i64>, tensor<i64, B>>;
