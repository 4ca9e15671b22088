// ResNet-50 against timm's in float64: the pooled stem, every stage, the logits.
#include "golden.h"
#include "heed/dsl/nn/resnet.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, H{"H"}, W{"W"};

template <class Module>
struct probed : Module {
  constexpr auto operator()(expression auto x) const { return probe<"out">(Module::operator()(x)); }
};

// nn::resnet50 with a probe wherever a golden tensor exists.
struct probed_resnet {
  sub<"", nn::resnet_stem> stem;
  chain<sub<"layer1", probed<nn::resnet_stage<64, 64, 1, 3>>>,
        sub<"layer2", probed<nn::resnet_stage<256, 128, 2, 4>>>,
        sub<"layer3", probed<nn::resnet_stage<512, 256, 2, 6>>>,
        sub<"layer4", probed<nn::resnet_stage<1024, 512, 2, 3>>>>
      stages;
  sub<"fc", nn::linear<2048, 1000>> fc;
  constexpr auto operator()(expression auto image) const {
    auto y = stages(probe<"maxpool">(stem(image)));
    constexpr dim batch = size<0>(y), cells = size<2>(y) * size<3>(y);
    return fc(mean<-1>(reshape<batch, 2048, cells>(y)));
  }
};

std::span<const float> prefix(const Tensor& t, std::int64_t count) {
  return t.as<float>().first(std::size_t(std::min(count, t.count())));
}

// The first `batch` images of the file's.
template <class Image>
void run(const std::string& file, std::initializer_list<std::int64_t> batches, std::int64_t height,
         std::int64_t width, std::int64_t stride, const std::string& target,
         const std::string& fusion) {
  std::printf("%s target %s fusion %s\n", file.c_str(), target.c_str(), fusion.c_str());
  const std::pair<const char*, const char*> stages[] = {{"maxpool", "maxpool"},
                                                        {"layer1", "layer1.out"},
                                                        {"layer2", "layer2.out"},
                                                        {"layer3", "layer3.out"},
                                                        {"layer4", "layer4.out"}};
  Options options;
  options.target = target;
  options.fusion = fusion;
  for (auto [name, path] : stages) options.probes.push_back(path);
  Program program = load<probed_resnet, Image>(options);
  Session session = program.bind(formula_checkpoint(program.parameters()));
  Checkpoint expected = golden::reference(file);
  for (std::int64_t batch : batches) {
    Results results = session.run(golden::formula_tensor("input", {batch, 3, height, width}));
    for (auto [name, path] : stages) {
      const Tensor& value = results.probe(path);
      auto found = value.as<float>();
      const Tensor kept = expected.read(name);
      golden::check(name, found, prefix(kept, (std::int64_t(found.size()) + stride - 1) / stride),
                    stride);
    }
    const Tensor logits = expected.read("logits");
    golden::check("logits", results[0].as<float>(), prefix(logits, batch * 1000));
  }
}

}  // namespace

TEST_CASE("ResNet-50") {
  using Image = tensor<f32, B, 3, 224, 224>;
  run<Image>("resnet50.safetensors", {1, 3}, 224, 224, 499, "host", "all");
  for (const char* fusion : {"none", "layout"})
    run<Image>("resnet50.safetensors", {1}, 224, 224, 499, "host", fusion);
}

TEST_CASE("ResNet-50 on an image of odd sides, known at run time") {
  for (const golden::Way& way : golden::crossed_ways())
    run<tensor<f32, B, 3, H, W>>("resnet50_33x47.safetensors", {2}, 33, 47, 29, way.target,
                                 way.fusion);
}
