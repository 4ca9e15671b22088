// expect: shape_error<"sampled", "top_p is not above 0 and up to 1">
#include "heed/dsl/nn/sampling.h"
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, V{"V"};

struct model {
  constexpr auto operator()(expression auto logits, expression auto seed, expression auto row) const {
    return nn::sampled(logits, seed, row, row, scalar<1>, scalar<5>, scalar<1.5>);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, V>, tensor<i64>, tensor<i64, B>>;
