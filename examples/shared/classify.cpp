#include "classify.h"

#include "digits.h"
#include "files.h"

namespace heed::examples {

void classify_digits(const Classifier& network, const CommonOptions& options,
                     const Checkpoint& weights) {
  say("weights", shown(weights.origin()));
  const Program program = network.load(options.program);
  say_compiled(program);
  Session session = program.bind(weights);

  const Digits test = read_digits(example_file("vit/digits.safetensors"), DigitSplit::test);
  const Tensor logits = session.run(test.images);  // [images, 10], all in one run
  const int right = count_right(logits, test.labels);
  say("accuracy", format("%.1f %%", 100.0 * right / double(test.labels.size())));
  say("test", format("%d of %zu images that training never saw", right, test.labels.size()));

  auto files = example_files("vit", "digit_");
  if (!options.image.empty()) files = {options.image};
  std::vector<float> likelihood;
  for (const auto& file : files) {
    const Tensor one = session.run(ink_from(read_image(file)));
    const std::vector<int> best = likeliest(one.as<float>(), 2, likelihood);
    say("image", format("%s is a %d (%.1f %%), or else a %d", shown(file).c_str(), best[0],
                        100 * likelihood[std::size_t(best[0])], best[1]));
  }

  const Image picture = read_image(files.at(0));
  const Tensor input = ink_from(picture);
  say_times(session, network.load, weights, options.program, {&input});
  write_profile(session, options, {&input});
  network.draw(weights, input, picture);
}

void classify_photograph(const Classifier& network, const CommonOptions& options,
                         const Preprocess& how, const ReadWeights& read) {
  // Before the network is compiled: what is wrong with a file shows at once.
  const auto file = example_file("data/china.jpg", options.image);
  const Image picture = read_image(file);
  const Tensor input = imagenet_preprocess(picture, how);  // [1, 3, 224, 224]
  Checkpoint weights;
  if (!options.weights.empty()) weights = read(options.weights);

  const Program program = network.load(options.program);
  if (options.weights.empty()) weights = formula_checkpoint(program.parameters());
  say("weights", options.weights.empty()
                     ? "none given: made by a formula, so the classes below mean nothing"
                     : shown(options.weights));
  say_compiled(program);
  Session session = program.bind(weights);

  say("image", format("%s, %d × %d", shown(file).c_str(), picture.width, picture.height));
  const Tensor logits = session.run(input);  // [1, 1000]
  const std::vector<std::string> names = lines_of(example_file("data/imagenet_classes.txt"));
  std::vector<float> likelihood;
  for (const int i : likeliest(logits.as<float>(), 5, likelihood))
    say("class", format("%5.1f %%  %s", 100 * likelihood[std::size_t(i)],
                        names.at(std::size_t(i)).c_str()));

  say_times(session, network.load, weights, options.program, {&input});
  write_profile(session, options, {&input});
  network.draw(weights, input, center_square(picture, how));
}

}  // namespace heed::examples
