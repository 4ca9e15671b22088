// expect: shape_error<"window", "kernel exceeds the image: 7 vs 6", "[B, 8, 6, 6]">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return window<-1, 7>(x);  // error here
  }
};

constexpr auto& network = graph_of<model, tensor<f32, B, 8, 6, 6>>;
