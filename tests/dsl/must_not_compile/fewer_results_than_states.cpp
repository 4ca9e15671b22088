// expect: shape_error<"scan", "returns fewer values than states", "rnn">
#include "heed/dsl/nn/linear.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"}, S{"S"};

struct cell {
  constexpr auto operator()(expression auto... given) const {
    auto [h, g, x] = parts{given...};
    return h + x;
  }
};
struct model {
  scan<"rnn", cell> rnn;
  constexpr auto operator()(expression auto h, expression auto x, expression auto y) const {
    return rnn(states(h, h), steps(x));  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, 64>, tensor<f32, B, T, 64>, tensor<f32, B, S>>;
