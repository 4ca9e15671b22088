#include "matrix_picture.h"

#include <algorithm>

#include "heed/runtime/image/heat_map.h"

namespace heed::examples {

Image draw_matrix(std::span<const float> values, int rows, int columns, int cell) {
  const auto [least, most] = std::ranges::minmax(values);
  const float range = most > least ? most - least : 1;
  Image picture(columns * cell, rows * cell);
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x) {
      const float value =
          values[std::size_t(y / cell) * std::size_t(columns) + std::size_t(x / cell)];
      heat_colour((value - least) / range, picture.row(y) + std::size_t(x) * 3);
    }
  return picture;
}

Image side_by_side(const std::vector<Image>& pictures, int per_row) {
  constexpr int gap = 8;
  int width = 0, height = 0;
  for (const Image& picture : pictures) {
    width = std::max(width, picture.width);
    height = std::max(height, picture.height);
  }
  const int count = int(pictures.size()), columns = std::min(per_row, count),
            rows = (count + columns - 1) / columns;
  Image all(columns * (width + gap) - gap, rows * (height + gap) - gap);
  std::ranges::fill(all.pixels, std::uint8_t(255));
  for (int i = 0; i < count; ++i) {
    const Image& picture = pictures[std::size_t(i)];
    const int left = i % columns * (width + gap), top = i / columns * (height + gap);
    for (int y = 0; y < picture.height; ++y)
      std::copy_n(picture.row(y), picture.width * 3, all.row(top + y) + std::ptrdiff_t(left) * 3);
  }
  return all;
}

std::vector<float> mean_of_heads(std::span<const float> weights, int heads) {
  const std::size_t matrix = weights.size() / std::size_t(heads);
  std::vector<float> mean(matrix, 0.0f);
  for (std::size_t i = 0; i < weights.size(); ++i) mean[i % matrix] += weights[i] / float(heads);
  return mean;
}

}  // namespace heed::examples
