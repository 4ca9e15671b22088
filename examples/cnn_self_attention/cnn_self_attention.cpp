// Self-attention in a convolutional network: what a convolution sees is as large as its kernel,
// what attention sees is the whole picture. 1 × 1 convolutions make queries, keys and values of
// every position, another one leads back, and the map is added.
#include "cnn_self_attention.h"

#include "../shared/command_line.h"
#include "../shared/files.h"
#include "../shared/report.h"
#include "heed/dsl/load.h"
#include "heed/runtime/image/heat_map.h"
#include "heed/runtime/image/preprocess.h"

using namespace heed;
using namespace heed::examples;

namespace {

constexpr std::int64_t cell = 8;

double difference_at(const Tensor& a, const Tensor& b, std::int64_t row, std::int64_t column) {
  double largest = 0;
  for (std::int64_t channel = 0; channel < a.sizes()[1]; ++channel)
    largest = std::max(largest, std::abs(double(a.at<float>({0, channel, row, column})) -
                                         double(b.at<float>({0, channel, row, column}))));
  return largest;
}

void run(const CommonOptions& arguments) {
  const auto file = example_file("data/china.jpg", arguments.image);
  const Image photograph_read = read_image(file), picture = center_square(photograph_read);
  const Tensor image = imagenet_preprocess(photograph_read);

  const Load load = [](const Options& options) {
    return heed::load<convolution_with_attention, photograph>(options, {"image"});
  };
  const Program program = load(arguments.program);
  say("image", format("%s, its centre as %s", shown(file).c_str(), text_of(image.sizes()).c_str()));
  say_compiled(program);
  const Checkpoint weights = weights_or_formula(program, arguments.weights);
  Session session = program.bind(weights);
  Session probed = with_probes(load, arguments.program, weights, {"map", "attention.attention"});

  const Results results = probed.run(image);
  const Tensor map = results.probe("map").copy(), outputs = results[0].copy();
  const Tensor& attention = results.probe("attention.attention");  // [1, 1, positions, positions]
  const std::int64_t rows = map.sizes()[2], columns = map.sizes()[3],
                     middle = rows / 2 * columns + columns / 2;
  say("map", format("%s: %ld positions, %ld pairs", text_of(map.sizes()).c_str(),
                    long(rows * columns), long(rows * columns * rows * columns)));
  const auto seen = attention.as<float>().subspan(std::size_t(middle * rows * columns),
                                                  std::size_t(rows * columns));

  // One corner of the picture changes: what of it reaches the middle?
  Tensor other = image.copy();
  for (std::int64_t y = 0; y < cell; ++y)
    for (std::int64_t x = 0; x < cell; ++x) other.at<float>({0, 0, y, x}) += 1;
  const Results changed = probed.run(other);
  say("near", format("a changed corner changes the middle of the convolution's map by %g",
                     difference_at(changed.probe("map"), map, rows / 2, columns / 2)));
  say("far", format("and the middle of what attention makes of it by %.1e",
                    difference_at(changed[0], outputs, rows / 2, columns / 2)));

  const auto drawn = output_file("cnn_self_attention.png", arguments.attention_map);
  write_png(drawn, draw_heat_map(picture, {seen, int(rows), int(columns)}));
  say_times(session, load, weights, arguments.program, {&image});
  write_profile(session, arguments, {&image});
  say("picture", shown(drawn) + ": where the middle looks");
}

}  // namespace

int main(int argc, char** argv) {
  CommonOptions arguments;
  CommandLine command_line(
      "Self-attention over the positions of a convolution's map of a photograph.", arguments);
  return command_line.run(argc, argv, [&] { run(arguments); });
}
