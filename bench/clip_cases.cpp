// Multiscale vision transformers on one clip of 16 images of 224 × 224.
#include "heed/dsl/nn/mvit_clip.h"
#include "network_case.h"

namespace heed::bench {
namespace {

template <class Model>
Case clip_case(const std::string& name) {
  return network_case<Model, tensor<f32, dim("B"), 3, 16, 224, 224>>(
      name, {{"input", {1, 3, 16, 224, 224}}}, {name});
}

}  // namespace

std::vector<Case> clip_cases() {
  std::vector<Case> list;
  list.push_back(clip_case<nn::mvit_v1_b>("mvit_v1_b"));
  list.push_back(clip_case<nn::mvit_v2_s>("mvit_v2_s"));
  return list;
}

}  // namespace heed::bench
