// Networks of convolutions.
#include "heed/dsl/nn/detr.h"
#include "network_case.h"

namespace heed::bench {
namespace {

constexpr dim B("B"), H("H"), W("W");

// DETR-R50 for images of any size, run on one. Unfused, scores get a buffer, and its size is no
// symbolic dimension.
template <std::int64_t Height, std::int64_t Width>
Case detr() {
  const std::string size = std::to_string(Height) + "x" + std::to_string(Width);
  Case c = network_case<nn::detr_r50, tensor<f32, B, 3, H, W>>(
      "detr_r50_" + size, {{"input", {1, 3, Height, Width}}}, {"detr_" + size});
  c.load = [any_size = c.load](const Options& options) {
    if (options.fusion == "all") return any_size(options);
    return heed::load<nn::detr_r50, tensor<f32, B, 3, Height, Width>>(options);
  };
  return c;
}

}  // namespace

std::vector<Case> convolution_cases() {
  std::vector<Case> list;
  list.push_back(network_case<nn::resnet50, tensor<f32, B, 3, 224, 224>>(
      "resnet50", {{"input", {1, 3, 224, 224}}}, {"resnet50"}));
  list.push_back(detr<480, 640>());
  list.push_back(detr<800, 1066>());
  return list;
}

}  // namespace heed::bench
