// Queries from one set of vectors, keys and values from another: digits that ask a collection of
// labelled digits what they are. A key is an image, its value the label; the context is a mean of
// labels, so that attention alone, without any training, reads digits.
#include "general_attention.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "../shared/command_line.h"
#include "../shared/digits.h"
#include "../shared/files.h"
#include "../shared/matrix_picture.h"
#include "../shared/report.h"
#include "digit_vectors.h"
#include "heed/dsl/load.h"

using namespace heed;
using namespace heed::examples;

namespace {

std::vector<std::size_t> by_label(const std::vector<int>& labels) {
  std::vector<std::size_t> order(labels.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return labels[i]; });
  return order;
}

// Rows are queries and columns keys, both sorted by their digit: right answers lie on the
// diagonal's blocks. Square roots, so that small weights show.
Image picture(const Tensor& weights, const std::vector<int>& queries,
              const std::vector<int>& keys) {
  std::vector<float> sorted;
  for (const std::size_t i : by_label(queries))
    for (const std::size_t j : by_label(keys))
      sorted.push_back(std::sqrt(weights.at<float>({std::int64_t(i), std::int64_t(j)})));
  return draw_matrix(sorted, int(queries.size()), int(keys.size()), 1);
}

void say_row(const char* word, const char* what, std::span<const float> values) {
  std::string text;
  for (const float value : values) text += format(" %6.3f", double(value));
  say(word, what + text);
}

void run(const CommonOptions& arguments) {
  const auto file = example_file("vit/digits.safetensors");
  const Digits known = read_digits(file, DigitSplit::train),
               asked = read_digits(file, DigitSplit::test);
  const Tensor queries = directions(asked.images), keys = directions(known.images),
               values = one_hot(known.labels);
  say("queries", format("%zu digits, %s", asked.labels.size(), text_of(queries.sizes()).c_str()));
  say("keys", format("%zu other digits, %s", known.labels.size(), text_of(keys.sizes()).c_str()));
  say("values", format("their labels, one of ten, %s", text_of(values.sizes()).c_str()));

  const Load load = [](const Options& options) {
    return heed::load<general_attention, queries_type, keys_type, values_type>(
        options, {"queries", "keys", "values"});
  };
  const Program program = load(arguments.program);
  say_compiled(program);
  const Checkpoint weights = weights_or_formula(program, arguments.weights);
  Session session = program.bind(weights);
  const Tensor context = session.run(queries, keys, values);
  say("accuracy", format("%.1f %% of the queries: the largest of the context is their digit",
                         100.0 * count_right(context, asked.labels) / double(asked.labels.size())));

  Session probed = with_probes(load, arguments.program, weights, {"scores", "weights"});
  Tensor one = Tensor::of<float>(DType::f32, {1, pixels}, queries.as<float>().first(pixels));
  if (!arguments.image.empty()) one = directions(ink_from(read_image(arguments.image)));
  const Results results = probed.run(one, keys, values);
  const auto row = results.probe("weights").as<float>();
  const std::size_t best = std::size_t(std::ranges::max_element(row) - row.begin());
  say("query",
      arguments.image.empty() ? format("the first one, a %d", asked.labels[0]) : arguments.image);
  say_row("scores", "e = q k^T / 8, of keys 1 to 8:", results.probe("scores").as<float>().first(8));
  say_row("weights", "a = softmax(e), of the same:  ", row.first(8));
  say("largest", format("%.3f, of key %zu, a %d", double(row[best]), best + 1, known.labels[best]));
  say_row("context", "y = a v, digits 0 to 9:", results[0].as<float>());

  say_times(session, load, weights, arguments.program, {&queries, &keys, &values});
  write_profile(session, arguments, {&queries, &keys, &values});
  const auto map = output_file("general_attention.png", arguments.attention_map);
  write_png(
      map, picture(probed.run(queries, keys, values).probe("weights"), asked.labels, known.labels));
  say("map", shown(map) + ": weights of all queries (rows) and keys, sorted by digit");
}

}  // namespace

int main(int argc, char** argv) {
  CommonOptions arguments;
  CommandLine command_line(
      "Attention of one set of vectors over another: digits ask labelled digits.", arguments);
  return command_line.run(argc, argv, [&] { run(arguments); });
}
