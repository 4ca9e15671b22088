#include "digits.h"

#include <algorithm>
#include <cmath>

#include "heed/runtime/checkpoint.h"
#include "heed/runtime/error.h"

namespace heed::examples {
namespace {

constexpr int digit_side = 8, pixels = digit_side * digit_side;

float normalised(float ink) { return (ink - 0.5f) / 0.5f; }  // ink: 0 to 1

// Mean brightness, 0 to 1, of the part of `picture` that cell (x, y) of a side × side grid covers.
float mean_brightness(const Image& picture, int side, int x, int y) {
  const double wide = double(picture.width) / side, high = double(picture.height) / side;
  const double left = x * wide, right = left + wide, top = y * high, bottom = top + high;
  double sum = 0;
  for (int row = int(top); row < picture.height && row < bottom; ++row) {
    const double covered = std::min(row + 1.0, bottom) - std::max(double(row), top);
    for (int column = int(left); column < picture.width && column < right; ++column) {
      const std::uint8_t* rgb = picture.row(row) + std::size_t(column) * 3;
      const double grey = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
      sum += grey * covered * (std::min(column + 1.0, right) - std::max(double(column), left));
    }
  }
  return float(sum / (wide * high * 255));
}

}  // namespace

Digits read_digits(const std::filesystem::path& file, DigitSplit which) {
  const Checkpoint data = Checkpoint::open(file);
  // images: [all, 8, 8], 0 to 16; labels and split: [all]
  const Tensor images = data.read("images"), labels = data.read("labels"),
               split = data.read("split");
  const auto all = images.as<std::int8_t>();
  Digits digits;
  std::vector<float> kept;
  for (std::size_t i = 0; i < std::size_t(split.count()); ++i) {
    if (split.as<std::int8_t>()[i] != int(which)) continue;
    digits.labels.push_back(labels.as<std::int8_t>()[i]);
    for (const std::int8_t pixel : all.subspan(i * pixels, pixels))
      kept.push_back(normalised(float(pixel) / 16));
  }
  digits.images = Tensor::of<float>(
      DType::f32, {std::int64_t(digits.labels.size()), 1, digit_side, digit_side}, kept);
  return digits;
}

int count_right(const Tensor& logits, const std::vector<int>& labels) {
  const std::int64_t classes = logits.sizes()[1];
  int right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto row = logits.as<float>().subspan(i * std::size_t(classes), std::size_t(classes));
    right += std::ranges::max_element(row) - row.begin() == labels[i];
  }
  return right;
}

Image picture_of_ink(const Tensor& images, std::int64_t index) {
  constexpr int cell = 16;
  const int side = int(images.sizes()[2]);
  Image picture(side * cell, side * cell);
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x) {
      const float ink = images.at<float>({index, 0, y / cell, x / cell});
      std::fill_n(picture.row(y) + std::ptrdiff_t(x) * 3, 3, std::uint8_t((ink + 1) / 2 * 255));
    }
  return picture;
}

Tensor ink_from(const Image& picture, int side) {
  Tensor ink(DType::f32, {1, 1, side, side});
  const std::span<float> out = ink.as<float>();
  float border = 0, inside = 0;
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      const float brightness = mean_brightness(picture, side, x, y);
      out[std::size_t(y * side + x)] = normalised(brightness);
      const bool outer = x == 0 || y == 0 || x == side - 1 || y == side - 1;
      (outer ? border : inside) += brightness;
    }
  const float around = border / float(4 * side - 4),
              within = inside / float((side - 2) * (side - 2));
  const bool paper = around > 0.5f && around > within;
  if (paper)
    for (float& value : out) value = -value;
  return ink;
}

}  // namespace heed::examples
