// Vision transformers on one image of 224 × 224.
#include "heed/dsl/nn/mvit_v2.h"
#include "heed/dsl/nn/swin.h"
#include "heed/dsl/nn/vision_transformer.h"
#include "network_case.h"

namespace heed::bench {
namespace {

template <class Model>
Case image_case(const std::string& name) {
  return network_case<Model, tensor<f32, dim("B"), 3, 224, 224>>(
      name, {{"input", {1, 3, 224, 224}}}, {name});
}

}  // namespace

std::vector<Case> vision_cases() {
  std::vector<Case> list;
  list.push_back(image_case<nn::vit_b_16>("vit_b_16"));
  list.push_back(image_case<nn::vit_l_16>("vit_l_16"));
  list.push_back(image_case<nn::swin_t>("swin_t"));
  list.push_back(image_case<nn::swin_b>("swin_b"));
  list.push_back(image_case<nn::mvitv2_tiny>("mvitv2_tiny"));
  return list;
}

}  // namespace heed::bench
