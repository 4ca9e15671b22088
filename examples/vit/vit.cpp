// Vision transformers at work: a small one on handwritten digits, or one of timm's on a photograph.
#include "heed/dsl/nn/vision_transformer.h"

#include "../shared/classify.h"
#include "../shared/command_line.h"
#include "../shared/files.h"
#include "heed/dsl/load.h"
#include "heed/runtime/attention_rollout.h"
#include "heed/runtime/image/heat_map.h"

using namespace heed;
using namespace heed::examples;

namespace {

constexpr dim B{"B"};

// image 8, patch 2, channels 1, features 64, depth 4, heads 4, hidden 128, classes 10
using digits_vit = nn::vision_transformer<8, 2, 1, 64, 4, 4, 128, 10>;
using digit_images = tensor<f32, B, 1, 8, 8>;
using photographs = tensor<f32, B, 3, 224, 224>;

static_assert(manifest<nn::vit_b_16, photographs>.size == 152);
static_assert(manifest<nn::vit_b_16, photographs>.elements == 86'567'656);

struct Arguments : CommonOptions {
  std::string model = "digits", map = "last";
  bool manifest = false;
};

// Where the class token looks: in the last block, averaged over its heads, or through all blocks.
// Probes ask for values inside the network, which is compiled once more to give them out.
Classifier classifier(const Load& load, int depth, const Arguments& arguments) {
  return {load, [=](const Checkpoint& weights, const Tensor& input, const Image& picture) {
    const bool all = arguments.map == "rollout";
    std::vector<std::string> probes;
    for (int block = all ? 0 : depth - 1; block < depth; ++block)
      probes.push_back("blocks." + std::to_string(block) + ".attn.attention");
    Session session = with_probes(load, arguments.program, weights, probes);
    const Results results = session.run(input);
    std::vector<float> seen;  // of each patch
    if (all) {
      AttentionRollout rollout;
      for (const std::string& probe : probes) rollout.add(results.probe(probe));
      const auto row = rollout.of(0).subspan(1);
      seen.assign(row.begin(), row.end());
    } else {
      const Tensor& attention = results.probe(probes[0]);  // [1, heads, query, key]
      const std::int64_t heads = attention.sizes()[1], patches = attention.sizes()[3] - 1;
      seen.resize(std::size_t(patches));
      for (std::int64_t head = 0; head < heads; ++head)
        for (std::int64_t patch = 0; patch < patches; ++patch)
          seen[std::size_t(patch)] += attention.at<float>({0, head, 0, 1 + patch});
    }
    int side = 1;
    while (side * side < int(seen.size())) ++side;
    const auto file = output_file("vit_attention.png", arguments.attention_map);
    write_png(file, draw_heat_map(picture, {seen, side, side}));
    say("map", shown(file) + (all ? ": what reaches the class token through all blocks"
                                  : ": where the last block's class token looks"));
  }};
}

template <class Model, class Input>
Load loaded() {
  return [](const Options& options) { return heed::load<Model, Input>(options, {"images"}); };
}

template <class Model>
void photograph(int depth, const Arguments& arguments) {
  if (arguments.manifest) return print_manifest<Model, photographs>();
  classify_photograph(classifier(loaded<Model, photographs>(), depth, arguments), arguments, {},
                      Checkpoint::open);
}

void digits(const Arguments& arguments) {
  if (arguments.manifest) return print_manifest<digits_vit, digit_images>();
  classify_digits(classifier(loaded<digits_vit, digit_images>(), 4, arguments), arguments,
                  Checkpoint::open(example_file("vit/digits_vit.safetensors", arguments.weights)));
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CommandLine command_line("A vision transformer on handwritten digits or a photograph.",
                           arguments);
  command_line.add_choice("--model", arguments.model, {"digits", "s16", "b16", "l16", "b32"},
                          "digits: a small one with its weights; ViT-S/16 and so on: timm's names");
  command_line.add_choice("--map", arguments.map, {"last", "rollout"},
                          "draw the last block's attention, or all blocks' as a rollout");
  command_line.add_flag("--manifest", arguments.manifest,
                        "print the names and shapes that --weights must hold");
  return command_line.run(argc, argv, [&] {
    if (arguments.model == "s16") photograph<nn::vit_s_16>(12, arguments);
    else if (arguments.model == "b16") photograph<nn::vit_b_16>(12, arguments);
    else if (arguments.model == "l16") photograph<nn::vit_l_16>(24, arguments);
    else if (arguments.model == "b32") photograph<nn::vit_b_32>(12, arguments);
    else digits(arguments);
  });
}
