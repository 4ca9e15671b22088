// The convolutional network that the vision transformers are compared with, on a photograph: its
// classes, and which parts of the picture speak for the likeliest one.
#include "heed/dsl/nn/resnet.h"

#include "../shared/classify.h"
#include "../shared/command_line.h"
#include "../shared/files.h"
#include "heed/dsl/load.h"
#include "heed/runtime/image/heat_map.h"

using namespace heed;
using namespace heed::examples;

namespace {

using photographs = tensor<f32, dim("B"), 3, 224, 224>;

static_assert(manifest<nn::resnet50, photographs>.size == 267);
static_assert(manifest<nn::resnet50, photographs>.elements == 25'610'152);

struct Arguments : CommonOptions {
  bool manifest = false;
};

// The class activation map (Learning Deep Features for Discriminative Localization, arXiv
// 1512.04150, section 2): logits are means over the cells, so each cell's share of one is known.
// features: [1, channels, height, width], weights: [classes, channels].
std::vector<float> shares_of(int chosen, const Tensor& features, const Tensor& weights) {
  const std::int64_t channels = features.sizes()[1],
                     cells = features.sizes()[2] * features.sizes()[3];
  std::vector<float> shares(static_cast<std::size_t>(cells));
  const auto values = features.as<float>();
  for (std::int64_t channel = 0; channel < channels; ++channel)
    for (std::int64_t cell = 0; cell < cells; ++cell)
      shares[std::size_t(cell)] +=
          weights.at<float>({chosen, channel}) * values[std::size_t(channel * cells + cell)];
  return shares;
}

void photograph(const Arguments& arguments) {
  if (arguments.manifest) return print_manifest<nn::resnet50, photographs>();
  const Load load = [](const Options& options) {
    return heed::load<nn::resnet50, photographs>(options, {"images"});
  };
  const auto draw = [&](const Checkpoint& weights, const Tensor& input, const Image& picture) {
    Session session = with_probes(load, arguments.program, weights, {"features"});
    const Results results = session.run(input);
    std::vector<float> likelihood;
    const int chosen = likeliest(results[0].as<float>(), 1, likelihood)[0];
    const Tensor& features = results.probe("features");
    const auto file = output_file("resnet50_evidence.png", arguments.attention_map);
    const std::vector<float> shares = shares_of(chosen, features, weights.read("fc.weight"));
    write_png(file,
              draw_heat_map(picture, {shares, int(features.sizes()[2]), int(features.sizes()[3])}));
    say("map", shown(file) + ": what speaks for the likeliest class");
  };
  classify_photograph({load, draw}, arguments, imagenet_pictures, [](const std::string& file) {
    // torch's count of training's batches
    return Checkpoint::open(file).rename([](std::string_view name) {
      return name.ends_with(".num_batches_tracked") ? std::string() : std::string(name);
    });
  });
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CommandLine command_line("A ResNet-50 on a photograph.", arguments);
  command_line.add_flag("--manifest", arguments.manifest,
                        "print the names and shapes that --weights must hold");
  return command_line.run(argc, argv, [&] { photograph(arguments); });
}
