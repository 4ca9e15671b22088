// expect: shape_error<"scan", "needs a tensor to scan", "rnn">
#include "heed/dsl/nn/linear.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"}, S{"S"};

struct cell {
  constexpr auto operator()(expression auto... given) const {
    auto [h, x] = parts{given...};
    return h + x;
  }
};
struct model {
  scan<"rnn", cell> rnn;
  constexpr auto operator()(expression auto h, expression auto x, expression auto y) const {
    return rnn(states(h), steps(), held(h));  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, 64>, tensor<f32, B, T, 64>, tensor<f32, B, S>>;
