// Networks of convolutions.
#include "cases.h"
#include "heed/dsl/load.h"
#include "heed/dsl/nn/detr.h"
#include "heed/runtime/checkpoint.h"
#include "heed/runtime/formula.h"
#include "references.h"

namespace heed::bench {
namespace {

// ResNet-50, batch 1, 224 x 224: the logits are those of the golden file's first image.
Case resnet50() {
  // multiply-accumulates of a bottleneck whose 3x3 convolution gives side x side cells
  auto block = [](double in, double middle, double side, double stride, bool projects) {
    const double cells = side * side;
    return cells * middle * (in * stride * stride + 9 * middle + 4 * middle) + (projects ? cells * in * 4 * middle : 0);
  };
  double macs = 112 * 112 * 64 * 147 + 2048 * 1000, in = 64, middle = 64, side = 56;
  for (int blocks : {3, 4, 6, 3}) {
    for (int n = 0; n < blocks; ++n) {
      macs += block(in, middle, side, n == 0 && middle > 64 ? 2 : 1, n == 0);
      in = 4 * middle;
    }
    middle *= 2;
    side /= 2;
  }
  Case c{"model", "resnet50", 2e-9 * macs, {}, {}, {}};
  c.load = [](const Options& options) {
    return heed::load<nn::resnet50, tensor<f32, dim("B"), 3, 224, 224>>(options);
  };
  c.inputs = [](int i) {
    std::vector<Tensor> images;
    images.emplace_back(DType::f32, Sizes{1, 3, 224, 224});
    formula_input(i ? "input" + std::to_string(i) : "input", images[0].as<float>());
    return images;
  };
  c.check = [](const std::vector<Tensor>&, const Tensor& result) {
    const Tensor logits = Checkpoint::open(HEED_GOLDEN_DIR "/resnet50.safetensors").read("logits");
    require_close(result.as<float>(), logits.as<float>().first(1000), "resnet50: the logits");
  };
  return c;
}

// DETR-R50 for images of any size, run on one: the scores are those of the golden file.
Case detr(std::int64_t height, std::int64_t width, double gflop) {
  const std::string size = std::to_string(height) + "x" + std::to_string(width);
  Case c{"model", "detr_r50_" + size, gflop, {}, {}, {}};
  c.load = [height](const Options& options) {
    constexpr dim B("B"), H("H"), W("W");
    if (options.fusion == "all") return heed::load<nn::detr_r50, tensor<f32, B, 3, H, W>>(options);
    // Unfused, scores get a buffer, and its size is no symbolic dimension.
    return height == 480 ? heed::load<nn::detr_r50, tensor<f32, B, 3, 480, 640>>(options)
                         : heed::load<nn::detr_r50, tensor<f32, B, 3, 800, 1066>>(options);
  };
  c.inputs = [height, width](int i) {
    std::vector<Tensor> images;
    images.emplace_back(DType::f32, Sizes{1, 3, height, width});
    formula_input(i ? "input" + std::to_string(i) : "input", images[0].as<float>());
    return images;
  };
  c.check = [size](const std::vector<Tensor>&, const Tensor& result) {
    const Tensor logits = Checkpoint::open(HEED_GOLDEN_DIR "/detr_" + size + ".safetensors").read("logits");
    require_close(result.as<float>(), logits.as<float>(), "detr: the scores");
  };
  return c;
}

}  // namespace

std::vector<Case> convolution_cases() {
  std::vector<Case> list;
  list.push_back(resnet50());
  list.push_back(detr(480, 640, 58.1));
  list.push_back(detr(800, 1066, 162));
  return list;
}

}  // namespace heed::bench
