// expect: network_error<"two parameters share a name:", "fc.weight">
#include "heed/dsl/load.h"
#include "heed/dsl/nn/linear.h"
using namespace heed;
constexpr dim B{"B"};

struct model {
  sub<"fc", nn::linear<8, 8>> fc;
  constexpr auto operator()(expression auto x) const { return fc(fc(x)); }
};

void run() {
  auto program = load<model, tensor<f32, B, 8>>();  // error here
}
