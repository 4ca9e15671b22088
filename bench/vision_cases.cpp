// Vision transformers on one image of 224 × 224, checked against their golden logits.
#include <algorithm>

#include "cases.h"
#include "heed/dsl/load.h"
#include "heed/dsl/nn/mvit_v2.h"
#include "heed/dsl/nn/swin.h"
#include "heed/dsl/nn/vision_transformer.h"
#include "heed/runtime/checkpoint.h"
#include "heed/runtime/formula.h"
#include "references.h"

namespace heed::bench {
namespace {

template <class Model>
Case image_case(const std::string& name, double macs) {
  Case c{"model", name, 2e-9 * macs, {}, {}, {}};
  c.load = [](const Options& options) {
    return heed::load<Model, tensor<f32, dim("B"), 3, 224, 224>>(options);
  };
  c.inputs = [](int i) {
    std::vector<Tensor> images;
    images.emplace_back(DType::f32, Sizes{1, 3, 224, 224});
    formula_input(i ? "input" + std::to_string(i) : "input", images.back().as<float>());
    return images;
  };
  c.check = [name](const std::vector<Tensor>&, const Tensor& result) {
    const std::string file = HEED_GOLDEN_DIR "/" + name + ".safetensors";
    const Tensor logits = Checkpoint::open(file).read("logits");
    require_close(result.as<float>(), logits.as<float>().first(1000), name + ": the logits");
  };
  return c;
}

template <class Model>
Case vit(const std::string& name, double width, double depth) {
  constexpr double tokens = 197;
  const double block = tokens * width * 12 * width + 2 * tokens * tokens * width;
  return image_case<Model>(name, 196 * 768 * width + depth * block + width * 1000);
}

// Pairs along one axis of `windows` windows; of a shifted image the last window holds two pieces.
double pairs(double windows, bool shifted) {
  return shifted && windows > 1 ? 49 * (windows - 1) + 4 * 4 + 3 * 3 : 49 * windows;
}

template <class Model>
Case swin(const std::string& name, double width, std::vector<int> depths) {
  double macs = 56 * 56 * 48 * width, side = 56;
  for (std::size_t stage = 0; stage < depths.size(); ++stage) {
    if (stage > 0) {
      side /= 2;
      macs += side * side * 4 * width * 2 * width;
      width *= 2;
    }
    for (int block = 0; block < depths[stage]; ++block) {
      const double seen = pairs(side / 7, block % 2 == 1);
      macs += side * side * width * 12 * width + 2 * seen * seen * width;
    }
  }
  return image_case<Model>(name, macs + width * 1000);
}

template <class Model>
Case mvit_v2(const std::string& name, std::vector<int> depths) {
  constexpr double kernel = 9;
  double in = 96, out = 96, side = 56, key_stride = 4, macs = side * side * 3 * 49 * out;
  for (std::size_t stage = 0; stage < depths.size(); ++stage) {
    if (stage > 0) {
      out *= 2;
      key_stride = std::max(key_stride / 2, 1.0);
    }
    for (int block = 0; block < depths[stage]; ++block) {
      const double queries = stage > 0 && block == 0 ? side / 2 : side, keys = side / key_stride;
      const double q = queries * queries, k = keys * keys, cells = side * side;
      macs += cells * in * 3 * out + (in == out ? 0 : cells * in * out);  // q, k, v; the shortcut
      macs += kernel * (q + 2 * k) * out;
      macs += 2 * q * k * out + 2 * q * keys * out;  // attention; distances along two axes
      macs += q * out * 9 * out;
      side = queries;
      in = out;
    }
  }
  return image_case<Model>(name, macs + out * 1000);
}

}  // namespace

std::vector<Case> vision_cases() {
  return {
      vit<nn::vit_b_16>("vit_b_16", 768, 12),
      vit<nn::vit_l_16>("vit_l_16", 1024, 24),
      swin<nn::swin_t>("swin_t", 96, {2, 2, 6, 2}),
      swin<nn::swin_b>("swin_b", 128, {2, 2, 18, 2}),
      mvit_v2<nn::mvitv2_tiny>("mvitv2_tiny", {1, 2, 5, 2}),
  };
}

}  // namespace heed::bench
