// Self-attention does not care about the order of its inputs: when the patches of a picture change
// places, their outputs change places with them and stay what they are.
#include "self_attention.h"

#include "../shared/command_line.h"
#include "../shared/digits.h"
#include "../shared/files.h"
#include "../shared/matrix_picture.h"
#include "../shared/report.h"
#include "../shared/tokens.h"
#include "heed/dsl/load.h"
#include "heed/runtime/image/heat_map.h"

using namespace heed;
using namespace heed::examples;

namespace {

// How much each patch of an image is looked at: weights, [1, heads, query, key], summed over heads
// and queries.
std::vector<float> received(const Tensor& weights) {
  std::vector<float> sum(std::size_t(weights.sizes()[3]), 0.0f);
  for (std::size_t i = 0; i < std::size_t(weights.count()); ++i)
    sum[i % sum.size()] += weights.as<float>()[i];
  return sum;
}

void run(const CommonOptions& arguments) {
  const Load load = [](const Options& options) {
    return heed::load<patches_self_attention, digit_images>(options, {"images"});
  };
  const Program program = load(arguments.program);
  const Checkpoint trained =
      Checkpoint::open(example_file("vit/digits_vit.safetensors", arguments.weights));
  say("weights", shown(trained.origin()) + ": the first attention of a trained network");
  say_compiled(program);
  const Checkpoint weights = only_parameters(trained, program);
  Session session = program.bind(weights);

  Digits digits = read_digits(example_file("vit/digits.safetensors"), DigitSplit::test);
  if (!arguments.image.empty()) digits = {ink_from(read_image(arguments.image)), {}};
  const std::vector<std::int64_t> order = mixed_order(16);
  const Tensor mixed = reordered_patches(digits.images, 2, order);
  const Tensor outputs = session.run(digits.images)[0].copy(),
               mixed_outputs = session.run(mixed)[0].copy();
  const Tensor expected = reordered(outputs, order);

  std::string places;
  for (const std::int64_t from : order) places += format(" %ld", long(from));
  say("digits", format("%ld, as 16 patches each, %s", long(digits.images.sizes()[0]),
                       text_of(outputs.sizes()).c_str()));
  say("order", "mixed: patches" + places);
  say("moved", format("outputs of the mixed patches and of the others differ by %.2f",
                      largest_difference(mixed_outputs.as<float>(), outputs.as<float>())));
  say("same", format("and by %.1e after the others' outputs changed places alike",
                     largest_difference(mixed_outputs.as<float>(), expected.as<float>())));

  const Tensor one =
      Tensor::of<float>(DType::f32, {1, 1, 8, 8}, digits.images.as<float>().first(64));
  const Tensor one_mixed = Tensor::of<float>(DType::f32, {1, 1, 8, 8}, mixed.as<float>().first(64));
  say_times(session, load, weights, arguments.program, {&one});
  write_profile(session, arguments, {&one});

  Session probed = with_probes(load, arguments.program, weights, {"blocks.0.attn.attention"});
  std::vector<Image> pictures;
  for (const Tensor* image : {&one, &one_mixed}) {
    const Tensor& attention = probed.run(*image).probe("blocks.0.attn.attention");
    const Image picture = picture_of_ink(*image, 0);
    pictures.push_back(picture);
    pictures.push_back(draw_heat_map(picture, {received(attention), 4, 4}));
    pictures.push_back(draw_matrix(mean_of_heads(attention.as<float>(), 4), 16, 16, 8));
  }
  const auto map = output_file("self_attention.png", arguments.attention_map);
  write_png(map, side_by_side(pictures, 3));
  say("map",
      shown(map) +
          ": a digit, where its patches look, who at whom; below the same with the patches mixed");
}

}  // namespace

int main(int argc, char** argv) {
  CommonOptions arguments;
  CommandLine command_line("Self-attention over a digit's patches, in order and mixed.", arguments);
  return command_line.run(argc, argv, [&] { run(arguments); });
}
