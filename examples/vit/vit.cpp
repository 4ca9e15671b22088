// A vision transformer at work: a small one on handwritten digits, or ViT-B/16 on a photograph.
#include "heed/dsl/nn/vision_transformer.h"

#include <cstdio>
#include <fstream>

#include "../shared/command_line.h"
#include "../shared/files.h"
#include "../shared/report.h"
#include "digits.h"
#include "heed/dsl/load.h"
#include "heed/runtime/error.h"
#include "heed/runtime/image/heat_map.h"
#include "heed/runtime/image/preprocess.h"

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
  std::string model = "digits";
  bool manifest = false;
};

// The layout that a checkpoint must have.
template <class Model, class Input>
void print_manifest() {
  constexpr auto& all = manifest<Model, Input>;
  for (int i = 0; i < all.size; ++i)
    std::printf("%-28.*s %s %s\n", int(all.name(i).size()), all.name(i).data(),
                std::string(name_of(all.type(i).dtype)).c_str(),
                text_of(all.type(i).shape).c_str());
  std::printf("%d tensors, %lld parameters\n", all.size, static_cast<long long>(all.elements));
}

// Where the class token looks in the last block, averaged over its heads. The probe asks for a
// value inside the network, which is compiled once more to give it out.
void draw_attention(const Load& load, Options options, const Checkpoint& weights, int depth,
                    const Tensor& input, const Image& picture, const std::string& path) {
  const std::string probe = "blocks." + std::to_string(depth - 1) + ".attn.attention";
  options.probes = {probe};
  options.print_after.clear();
  Session session = load(options).bind(weights);
  const Tensor& attention = session.run(input).probe(probe);  // [1, heads, query, key]
  const std::int64_t heads = attention.sizes()[1], patches = attention.sizes()[3] - 1;
  std::vector<float> seen(std::size_t(patches), 0.0f);
  for (std::int64_t head = 0; head < heads; ++head)
    for (std::int64_t patch = 0; patch < patches; ++patch)
      seen[std::size_t(patch)] += attention.at<float>({0, head, 0, 1 + patch});
  int side = 1;
  while (side * side < patches) ++side;
  const auto file = output_file("vit_attention.png", path);
  write_png(file, draw_heat_map(picture, {seen, side, side}));
  say("map", shown(file) + ": where the last block's class token looks");
}

void classify_digits(const Arguments& arguments) {
  const Checkpoint weights =
      Checkpoint::open(example_file("vit/digits_vit.safetensors", arguments.weights));
  say("weights", shown(weights.origin()));
  const Load load = [](const Options& options) {
    return heed::load<digits_vit, digit_images>(options, {"images"});
  };
  const Program program = load(arguments.program);
  say_compiled(program);
  Session session = program.bind(weights);

  const DigitTest test = read_digit_test(example_file("vit/digits.safetensors"));
  const Tensor logits = session.run(test.images);  // [images, 10], all in one run
  const int right = count_right(logits, test.labels);
  say("accuracy", format("%.1f %%", 100.0 * right / double(test.labels.size())));
  say("test", format("%d of %zu images that training never saw", right, test.labels.size()));

  auto files = example_files("vit", "digit_");
  if (!arguments.image.empty()) files = {arguments.image};
  std::vector<float> likelihood;
  for (const auto& file : files) {
    const Tensor one = session.run(digit_from(read_image(file)));
    const std::vector<int> best = likeliest(one.as<float>(), 2, likelihood);
    say("image", format("%s is a %d (%.1f %%), or else a %d", shown(file).c_str(), best[0],
                        100 * likelihood[std::size_t(best[0])], best[1]));
  }

  const Image picture = read_image(files.at(0));
  const Tensor input = digit_from(picture);
  say_times(session, load, weights, arguments.program, input);
  write_profile(session, arguments, input);
  draw_attention(load, arguments.program, weights, 4, input, picture, arguments.attention_map);
}

std::vector<std::string> class_names() {
  std::ifstream file(example_file("data/imagenet_classes.txt"));
  std::vector<std::string> names;
  for (std::string name; std::getline(file, name);) names.push_back(name);
  return names;
}

void classify_photograph(const Arguments& arguments) {
  // Before the network is compiled: what is wrong with a file shows at once.
  const auto file = example_file("data/china.jpg", arguments.image);
  const Image picture = read_image(file);
  const Tensor input = imagenet_preprocess(picture);  // [1, 3, 224, 224]
  Checkpoint weights;
  if (!arguments.weights.empty()) weights = Checkpoint::open(arguments.weights);

  const Load load = [](const Options& options) {
    return heed::load<nn::vit_b_16, photographs>(options, {"images"});
  };
  const Program program = load(arguments.program);
  if (arguments.weights.empty()) weights = formula_checkpoint(program.parameters());
  say("weights", arguments.weights.empty()
                     ? "none given: made by a formula, so the classes below mean nothing"
                     : shown(arguments.weights));
  say_compiled(program);
  Session session = program.bind(weights);

  say("image", format("%s, %d × %d", shown(file).c_str(), picture.width, picture.height));
  const Tensor logits = session.run(input);  // [1, 1000]
  const std::vector<std::string> names = class_names();
  std::vector<float> likelihood;
  for (const int i : likeliest(logits.as<float>(), 5, likelihood))
    say("class", format("%5.1f %%  %s", 100 * likelihood[std::size_t(i)],
                        names.at(std::size_t(i)).c_str()));

  say_times(session, load, weights, arguments.program, input);
  write_profile(session, arguments, input);
  draw_attention(load, arguments.program, weights, 12, input, center_square(picture),
                 arguments.attention_map);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CommandLine command_line("A vision transformer on handwritten digits or a photograph.",
                           arguments);
  command_line.add_choice("--model", arguments.model, {"digits", "b16"},
                          "digits: a small one with its weights; b16: ViT-B/16, timm's names");
  command_line.add_flag("--manifest", arguments.manifest,
                        "print the names and shapes that --weights must hold");
  return command_line.run(argc, argv, [&] {
    const bool small = arguments.model == "digits";
    if (arguments.manifest)
      return small ? print_manifest<digits_vit, digit_images>()
                   : print_manifest<nn::vit_b_16, photographs>();
    small ? classify_digits(arguments) : classify_photograph(arguments);
  });
}
