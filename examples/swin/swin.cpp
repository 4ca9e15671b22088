// Swin transformers at work: a small one on handwritten digits, or one of timm's on a photograph.
#include "heed/dsl/nn/swin.h"

#include "../shared/classify.h"
#include "../shared/command_line.h"
#include "../shared/files.h"
#include "../shared/timm_names.h"
#include "../shared/window_map.h"
#include "heed/dsl/load.h"

using namespace heed;
using namespace heed::examples;

namespace {

constexpr dim B{"B"};

// patch 1, window 4, channels 1, features 32, heads 2, classes 10, two stages of 2 blocks
using digits_swin = nn::swin_transformer<1, 4, 1, 32, 2, 10, 2, 2>;
using digit_images = tensor<f32, B, 1, 8, 8>;
using photographs = tensor<f32, B, 3, 224, 224>;

static_assert(manifest<nn::swin_t, photographs>.size == 173);
static_assert(manifest<nn::swin_t, photographs>.elements == 28'288'354);

struct Arguments : CommonOptions {
  std::string model = "digits";
  bool manifest = false;
};

// How much each patch is looked at within its window, in the first block of every stage, averaged
// over the heads: a picture a stage, side by side.
Classifier classifier(const Load& load, int stages, int side, const Arguments& arguments) {
  return {load, [=](const Checkpoint& weights, const Tensor& input, const Image& picture) {
    Options options = arguments.program;
    options.print_after.clear();
    for (int stage = 0; stage < stages; ++stage)
      options.probes.push_back("layers." + std::to_string(stage) + ".blocks.0.attn.attention");
    Session session = load(options).bind(weights);
    const Results results = session.run(input);
    std::vector<Image> pictures;
    for (int stage = 0; stage < stages; ++stage)
      pictures.push_back(
          draw_windows(picture, results.probe(options.probes[std::size_t(stage)]), side >> stage));
    const auto file = output_file("swin_attention.png", arguments.attention_map);
    write_png(file, side_by_side(pictures));
    say("map", shown(file) + ": how much each patch is looked at in its window, stage by stage");
  }};
}

template <class Model>
void photograph(const Arguments& arguments) {
  if (arguments.manifest) return print_manifest<Model, photographs>();
  const Load load = [](const Options& options) {
    return heed::load<Model, photographs>(options, {"images"});
  };
  classify_photograph(
      classifier(load, 4, 56, arguments), arguments, imagenet_pictures,
      [](const std::string& file) { return with_timm_names(Checkpoint::open(file)); });
}

void digits(const Arguments& arguments) {
  if (arguments.manifest) return print_manifest<digits_swin, digit_images>();
  const Load load = [](const Options& options) {
    return heed::load<digits_swin, digit_images>(options, {"images"});
  };
  classify_digits(
      classifier(load, 2, 8, arguments), arguments,
      Checkpoint::open(example_file("swin/digits_swin.safetensors", arguments.weights)));
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CommandLine command_line("A Swin transformer on handwritten digits or a photograph.", arguments);
  command_line.add_choice("--model", arguments.model, {"digits", "t", "s", "b"},
                          "digits: a small one with its weights; Swin-T, S or B: timm's names");
  command_line.add_flag("--manifest", arguments.manifest,
                        "print the names and shapes that --weights must hold");
  return command_line.run(argc, argv, [&] {
    if (arguments.model == "t") photograph<nn::swin_t>(arguments);
    else if (arguments.model == "s") photograph<nn::swin_s>(arguments);
    else if (arguments.model == "b") photograph<nn::swin_b>(arguments);
    else digits(arguments);
  });
}
