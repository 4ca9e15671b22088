// expect: network_error<"two parameters share a name:", "w">
#include "heed/dsl/dsl.h"
using namespace heed;
constexpr dim B{"B"}, T{"T"};

struct model {
  constexpr auto operator()(expression auto x) const {
    return x + param<"w", tensor<f32, 768>> * tied<"v", tensor<f32, 768>> + param<"v", tensor<f32, 768>> +
           matmul(x, param<"w", tensor<f32, 768, 768>>);
  }
};

static_assert(manifest<model, tensor<f32, B, T, 768>>.size == 2);  // error here
