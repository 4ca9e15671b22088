// Multiscale vision transformers at work: a small one on handwritten digits, or one of timm's on a
// photograph.
#include "heed/dsl/nn/mvit_v2.h"

#include "../shared/classify.h"
#include "../shared/command_line.h"
#include "../shared/files.h"
#include "../shared/window_map.h"
#include "heed/dsl/load.h"

using namespace heed;
using namespace heed::examples;

namespace {

constexpr dim B{"B"};

// image 8, channels 1, kernel 3, patch 1, keys pooled by 2, features 32, classes 10, two stages of
// 2 blocks
using digits_mvit_v2 = nn::mvit_v2<8, 1, 3, 1, 2, 32, 10, 2, 2>;
using digit_images = tensor<f32, B, 1, 8, 8>;
using photographs = tensor<f32, B, 3, 224, 224>;

static_assert(manifest<nn::mvitv2_tiny, photographs>.size == 242);
static_assert(manifest<nn::mvitv2_tiny, photographs>.elements == 24'173'320);

struct Arguments : CommonOptions {
  std::string model = "digits";
  bool manifest = false;
};

// How much each patch is looked at in the last block, whose image has `side` patches a side.
Classifier classifier(const Load& load, const std::string& block, int side,
                      const Arguments& arguments) {
  return {load, [=](const Checkpoint& weights, const Tensor& input, const Image& picture) {
    Options options = arguments.program;
    options.print_after.clear();
    options.probes = {block + ".attn.attention"};
    Session session = load(options).bind(weights);
    const auto file = output_file("mvit_v2_attention.png", arguments.attention_map);
    write_png(file, draw_windows(picture, session.run(input).probe(options.probes[0]), side));
    say("map", shown(file) + ": how much each patch is looked at in the last block");
  }};
}

template <class Model>
void photograph(const Arguments& arguments) {
  if (arguments.manifest) return print_manifest<Model, photographs>();
  const Load load = [](const Options& options) {
    return heed::load<Model, photographs>(options, {"images"});
  };
  classify_photograph(classifier(load, "stages.3.blocks.1", 7, arguments), arguments,
                      imagenet_pictures, Checkpoint::open);
}

void digits(const Arguments& arguments) {
  if (arguments.manifest) return print_manifest<digits_mvit_v2, digit_images>();
  const Load load = [](const Options& options) {
    return heed::load<digits_mvit_v2, digit_images>(options, {"images"});
  };
  classify_digits(
      classifier(load, "stages.1.blocks.1", 4, arguments), arguments,
      Checkpoint::open(example_file("mvit_v2/digits_mvit_v2.safetensors", arguments.weights)));
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CommandLine command_line("A multiscale vision transformer on handwritten digits or a photograph.",
                           arguments);
  command_line.add_choice("--model", arguments.model, {"digits", "t", "s"},
                          "digits: a small one with its weights; MViTv2-T or S: timm's names");
  command_line.add_flag("--manifest", arguments.manifest,
                        "print the names and shapes that --weights must hold");
  return command_line.run(argc, argv, [&] {
    if (arguments.model == "t") photograph<nn::mvitv2_tiny>(arguments);
    else if (arguments.model == "s") photograph<nn::mvitv2_small>(arguments);
    else digits(arguments);
  });
}
