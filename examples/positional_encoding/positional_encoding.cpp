// Positional encodings: sines and cosines for a sentence, two-dimensional ones for a picture, and
// those that a network learned; and what they are for: attention alone does not know an order.
#include "positional_encoding.h"

#include <algorithm>
#include <cmath>

#include "../shared/command_line.h"
#include "../shared/digits.h"
#include "../shared/files.h"
#include "../shared/matrix_picture.h"
#include "../shared/report.h"
#include "heed/dsl/load.h"
#include "heed/dsl/nn/vision_transformer.h"
#include "heed/runtime/image/heat_map.h"

using namespace heed;
using namespace heed::examples;

namespace {

struct Arguments : CommonOptions {
  std::string sentence = default_sentence;
};

// What a module adds to zeros.
template <class Model, class Input>
Tensor added_by(const Arguments& arguments, const Sizes& sizes) {
  Session session = heed::load<Model, Input>(arguments.program).bind(formula_checkpoint({}));
  return session.run(Tensor(DType::f32, sizes))[0].copy();
}

double cosine(std::span<const float> a, std::span<const float> b) {
  double product = 0, left = 0, right = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += double(a[i]) * double(b[i]);
    left += double(a[i]) * double(a[i]);
    right += double(b[i]) * double(b[i]);
  }
  return product / std::sqrt(left * right);
}

// Cosines of every two of `count` rows.
std::vector<float> similarities(std::span<const float> table, std::size_t count) {
  const std::size_t features = table.size() / count;
  std::vector<float> all;
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < count; ++j)
      all.push_back(float(
          cosine(table.subspan(i * features, features), table.subspan(j * features, features))));
  return all;
}

// The table of a sentence, its rows as long as features; checked against the formula.
Image sinusoidal(const Arguments& arguments) {
  constexpr std::int64_t tokens = 64;
  const Tensor table =
      added_by<sentence_positions, token_rows>(arguments, {1, tokens, token_features});
  double error = 0;
  for (std::int64_t t = 0; t < tokens; ++t)
    for (std::int64_t i = 0; i < token_features / 2; ++i) {
      const double angle = double(t) / std::pow(10'000.0, 2.0 * double(i) / token_features);
      error = std::max({error, std::abs(double(table.at<float>({0, t, 2 * i})) - std::sin(angle)),
                        std::abs(double(table.at<float>({0, t, 2 * i + 1})) - std::cos(angle))});
    }
  say("table",
      format("%ld positions × %ld features; from sin(t / 10000^(2i/d)) and cos: %.1e at most",
             long(tokens), long(token_features), error));
  const std::vector<float> alike = similarities(table.as<float>(), tokens);
  say("sines",
      format("position 20 is like itself 1, like 21 %.3f, 22 %.3f, 24 %.3f, 28 %.3f, 36 %.3f",
             double(alike[20 * 64 + 21]), double(alike[20 * 64 + 22]), double(alike[20 * 64 + 24]),
             double(alike[20 * 64 + 28]), double(alike[20 * 64 + 36])));
  return draw_matrix(table.as<float>(), tokens, token_features, 4);
}

// Over a picture in cells of 16 × 16 pixels: which cells' positions are like that of the middle.
Image over_picture(const Arguments& arguments) {
  const auto file = example_file("data/china.jpg", arguments.image);
  const Image picture = read_image(file);
  const int rows = std::max(1, picture.height / 16), columns = std::max(1, picture.width / 16);
  const Tensor positions =
      added_by<grid_positions, grid>(arguments, {rows, columns, token_features});
  const auto row_of = [&](int row, int column) {
    return positions.as<float>().subspan(std::size_t(row * columns + column) * token_features,
                                         token_features);
  };
  std::vector<float> alike;
  for (int row = 0; row < rows; ++row)
    for (int column = 0; column < columns; ++column)
      alike.push_back(float(cosine(row_of(row, column), row_of(rows / 2, columns / 2))));
  const auto most = std::ranges::max_element(alike) - alike.begin();
  say("grid",
      format("%s: %d × %d cells; the middle is most like cell %ld, %ld, itself",
             shown(file).c_str(), rows, columns, long(most) / columns, long(most) % columns));
  return draw_heat_map(picture, {alike, rows, columns});
}

// What the digits' vision transformer learned, a vector for each of its 4 × 4 patches.
Image learned(const Arguments& arguments) {
  const Checkpoint weights =
      Checkpoint::open(example_file("vit/digits_vit.safetensors", arguments.weights));
  const Tensor table = weights.read("pos_embed");  // [1, 17, 64], the class token first
  const std::vector<float> alike = similarities(table.as<float>().subspan(64), 16);
  int neighbours = 0;
  for (int i = 0; i < 16; ++i) {
    int most = i == 0 ? 1 : 0;
    for (int j = 0; j < 16; ++j)
      if (j != i && alike[std::size_t(i * 16 + j)] > alike[std::size_t(i * 16 + most)]) most = j;
    neighbours += std::abs(i / 4 - most / 4) <= 1 && std::abs(i % 4 - most % 4) <= 1;
  }
  say("learned", format("%s: for %d of 16 patches the likest other position is a neighbour",
                        shown(weights.origin()).c_str(), neighbours));

  using digits_vit = nn::vision_transformer<8, 2, 1, 64, 4, 4, 128, 10>;
  const Digits digits = read_digits(example_file("vit/digits.safetensors"), DigitSplit::test);
  Session session =
      heed::load<digits_vit, tensor<f32, dim("B"), 1, 8, 8>>(arguments.program).bind(weights);
  const auto accuracy = [&](const Tensor& images) {
    return 100.0 * count_right(session.run(images), digits.labels) / double(digits.labels.size());
  };
  const double in_order = accuracy(digits.images);
  say("reads", format("%.1f %% of the digits in order, %.1f %% with the patches mixed", in_order,
                      accuracy(reordered_patches(digits.images, 2, mixed_order(16)))));
  return draw_matrix(alike, 16, 16, 16);
}

// By how much outputs of mixed tokens differ from the mixed outputs of the tokens.
double unlike(const Load& load, const Arguments& arguments, const Tensor& tokens) {
  const Program program = load(arguments.program);
  Session session = program.bind(formula_checkpoint(program.parameters()));
  const std::vector<std::int64_t> order = mixed_order(tokens.sizes()[1]);
  const Tensor outputs = reordered(session.run(tokens)[0], order);
  return largest_difference(session.run(reordered(tokens, order))[0].as<float>(),
                            outputs.as<float>());
}

void run(const Arguments& arguments) {
  const Tokens tokens = words_of(arguments.sentence);
  std::vector<Image> pictures = {sinusoidal(arguments), over_picture(arguments),
                                 learned(arguments)};

  const Load ordered = [](const Options& options) {
    return heed::load<ordered_attention, token_rows>(options, {"tokens"});
  };
  const Load unordered = [](const Options& options) {
    return heed::load<unordered_attention, token_rows>(options, {"tokens"});
  };
  say("tokens", format("%zu: %s", tokens.names.size(), arguments.sentence.c_str()));
  say("without", format("positions, outputs of mixed words are the mixed outputs up to %.1e",
                        unlike(unordered, arguments, tokens.values)));
  say("with", format("positions they differ by %.2f: the order counts",
                     unlike(ordered, arguments, tokens.values)));

  const Program program = ordered(arguments.program);
  say_compiled(program);
  const Checkpoint weights = formula_checkpoint(program.parameters());
  Session session = program.bind(weights);
  say_times(session, ordered, weights, arguments.program, {&tokens.values});
  write_profile(session, arguments, {&tokens.values});
  const auto map = output_file("positional_encoding.png", arguments.attention_map);
  write_png(map, side_by_side(pictures, 2));
  say("map",
      shown(map) + ": the table; cells like the picture's middle; likeness of learned positions");
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CommandLine command_line("Positional encodings of sentences and pictures.", arguments);
  command_line.add_text("--text", arguments.sentence, "the sentence");
  return command_line.run(argc, argv, [&] { run(arguments); });
}
