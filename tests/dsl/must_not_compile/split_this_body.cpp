// expect: shape_error<"add", "split this body into named modules">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    auto x1 = x + relu(x);
    auto x2 = x1 + relu(x1);
    auto x3 = x2 + relu(x2);
    auto x4 = x3 + relu(x3);
    auto x5 = x4 + relu(x4);
    auto x6 = x5 + relu(x5);
    auto x7 = x6 + relu(x6);
    auto x8 = x7 + relu(x7);
    auto x9 = x8 + relu(x8);
    auto x10 = x9 + relu(x9);
    auto x11 = x10 + relu(x10);
    auto x12 = x11 + relu(x11);
    auto x13 = x12 + relu(x12);  // error here
    return x13;
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, T, 768>>;
