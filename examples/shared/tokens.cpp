#include "tokens.h"

#include <algorithm>
#include <numeric>
#include <sstream>

#include "heed/runtime/error.h"
#include "heed/runtime/formula.h"
#include "heed/runtime/image/preprocess.h"
#include "report.h"

namespace heed::examples {

Tokens words_of(const std::string& sentence) {
  Tokens tokens;
  std::istringstream words(sentence);
  for (std::string word; words >> word;) tokens.names.push_back(word);
  if (tokens.names.empty()) throw Error("examples: the sentence '", sentence, "' has no words");
  tokens.values = Tensor(DType::f32, {1, std::int64_t(tokens.names.size()), token_features});
  for (std::size_t i = 0; i < tokens.names.size(); ++i)
    formula_input("word." + tokens.names[i],
                  tokens.values.as<float>().subspan(i * token_features, token_features));
  return tokens;
}

Tokens patches_of(const Image& picture) {
  constexpr int side = 7, patch = 8;
  const Tensor pixels = imagenet_preprocess(picture, {.size = side * patch});  // [1, 3, 56, 56]
  Tokens tokens;
  tokens.values = Tensor(DType::f32, {1, side * side, token_features});
  float* out = tokens.values.as<float>().data();
  for (int row = 0; row < side; ++row)
    for (int column = 0; column < side; ++column) {
      tokens.names.push_back(std::to_string(row) + ", " + std::to_string(column));
      for (int channel = 0; channel < 3; ++channel)
        for (int y = 0; y < patch; ++y)
          for (int x = 0; x < patch; ++x)
            *out++ = pixels.at<float>({0, channel, row * patch + y, column * patch + x});
    }
  return tokens;
}

Tokens tokens_of(const std::string& image_file, const std::string& sentence) {
  Tokens tokens = image_file.empty() ? words_of(sentence) : patches_of(read_image(image_file));
  say("tokens", std::to_string(tokens.names.size()) + ": " +
                    (image_file.empty() ? sentence : "patches of " + image_file));
  return tokens;
}

std::vector<std::int64_t> mixed_order(std::int64_t count) {
  std::vector<std::int64_t> order(std::size_t(count), 0);
  std::iota(order.begin(), order.end(), 0);
  std::uint32_t state = 1;
  for (std::size_t i = order.size(); i > 1; --i) {  // Fisher and Yates
    state = state * 1664525 + 1013904223;
    std::swap(order[i - 1], order[(state >> 8) % i]);
  }
  return order;
}

Tensor reordered(const Tensor& x, const std::vector<std::int64_t>& order) {
  Tensor result(DType::f32, x.sizes());
  const std::size_t features = std::size_t(x.sizes()[2]), tokens = order.size();
  for (std::size_t i = 0; i < std::size_t(x.sizes()[0]) * tokens; ++i) {
    const std::size_t from = i / tokens * tokens + std::size_t(order[i % tokens]);
    std::ranges::copy(x.as<float>().subspan(from * features, features),
                      result.as<float>().subspan(i * features).begin());
  }
  return result;
}

Tensor reordered_patches(const Tensor& images, std::int64_t side,
                         const std::vector<std::int64_t>& order) {
  const Sizes& sizes = images.sizes();
  Tensor result(DType::f32, sizes);
  const std::int64_t height = sizes[2], width = sizes[3], columns = width / side;
  float* out = result.as<float>().data();
  for (std::int64_t plane = 0; plane < sizes[0] * sizes[1]; ++plane)
    for (std::int64_t y = 0; y < height; ++y)
      for (std::int64_t x = 0; x < width; ++x) {
        const std::int64_t from = order[std::size_t(y / side * columns + x / side)];
        const std::int64_t row = from / columns * side + y % side,
                           column = from % columns * side + x % side;
        *out++ = images.as<float>()[std::size_t((plane * height + row) * width + column)];
      }
  return result;
}

}  // namespace heed::examples
