// MViTv2 against timm's MultiScaleVit in float64: the embedded patches, every block, the logits.
#include "heed/dsl/nn/mvit_v2.h"
#include "stages.h"

using namespace heed;
using golden::Stages;

namespace {

constexpr dim B{"B"};

const Stages tiny{"mvitv2_tiny.safetensors", "stages", 224, 224, {1, 2, 5, 2}, 211};
const Stages reduced{"mvit_v2_64.safetensors", "stages", 64, 64, {1, 2, 1, 1}, 7};

using Reduced = nn::mvit_v2<64, 3, 7, 4, 4, 96, 10, 1, 2, 1, 1>;
using Image = tensor<f32, B, 3, 224, 224>;
using SmallImage = tensor<f32, B, 3, 64, 64>;

}  // namespace

TEST_CASE("MViTv2 of a small image") {
  for (const std::string& target : golden::targets())
    golden::run_stages<Reduced, SmallImage>(reduced, 2, target, "all");
  for (const char* fusion : {"none", "layout"})
    golden::run_stages<Reduced, SmallImage>(reduced, 2, "host", fusion);
}

TEST_CASE("whole: MViTv2-T") {
  for (const std::int64_t batch : {1, 3})
    golden::run_stages<nn::mvitv2_tiny, Image>(tiny, batch, "host", "all");
  golden::run_stages<nn::mvitv2_tiny, Image>(tiny, 1, "host", "none");
}
