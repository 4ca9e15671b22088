#include "heed/runtime/image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "heed/runtime/error.h"
#include "heed/runtime/image/codecs.h"

namespace heed {
namespace {

constexpr int fraction_bits =
    32 - 8 - 2;  // of a weight: sums of weighted bytes stay within 32 bits
constexpr double kernel_radius = 2;

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// Which inputs an output is made of, and their weights in fixed point.
struct Taps {
  int first = 0;
  std::vector<std::int32_t> weights;
};

std::vector<Taps> taps_for(int in, int out) {
  const double scale = double(in) / out, stretch = std::max(scale, 1.0);
  const double support = kernel_radius * stretch;
  std::vector<Taps> all(static_cast<std::size_t>(out));
  std::vector<double> weights;
  for (int i = 0; i < out; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int end = std::min(static_cast<int>(center + support + 0.5), in);
    weights.clear();
    double sum = 0;
    for (int x = first; x < end; ++x) {
      weights.push_back(cubic((x - center + 0.5) * (1.0 / stretch)));
      sum += weights.back();
    }
    Taps& taps = all[static_cast<std::size_t>(i)];
    taps.first = first;
    for (double w : weights) {
      const double fixed = (sum != 0 ? w / sum : w) * (1 << fraction_bits);
      taps.weights.push_back(static_cast<std::int32_t>(fixed < 0 ? fixed - 0.5 : fixed + 0.5));
    }
  }
  return all;
}

// Bytes `stride` apart, weighted.
std::uint8_t blend(const Taps& taps, const std::uint8_t* from, std::size_t stride) {
  std::int32_t sum = 1 << (fraction_bits - 1);
  for (std::int32_t weight : taps.weights) {
    sum += weight * *from;
    from += stride;
  }
  return static_cast<std::uint8_t>(std::clamp(sum >> fraction_bits, 0, 255));
}

Image resize_columns(const Image& image, int width) {
  Image result(width, image.height);
  const std::vector<Taps> taps = taps_for(image.width, width);
  for (int y = 0; y < image.height; ++y)
    for (std::size_t x = 0; x < taps.size(); ++x)
      for (std::size_t c = 0; c < 3; ++c)
        result.row(y)[x * 3 + c] =
            blend(taps[x], image.row(y) + std::size_t(taps[x].first) * 3 + c, 3);
  return result;
}

Image resize_rows(const Image& image, int height) {
  Image result(image.width, height);
  const std::vector<Taps> taps = taps_for(image.height, height);
  const std::size_t row_bytes = std::size_t(image.width) * 3;
  for (int y = 0; y < height; ++y)
    for (std::size_t x = 0; x < row_bytes; ++x)
      result.row(y)[x] =
          blend(taps[std::size_t(y)], image.row(taps[std::size_t(y)].first) + x, row_bytes);
  return result;
}

}  // namespace

Image resize_bicubic(const Image& image, int width, int height) {
  detail::check_size(image.width, image.height);
  detail::check_size(width, height);
  if (width == image.width && height == image.height) return image;
  const int less_width = image.width - width, less_height = image.height - height;
  const bool rows_first = less_height > 0 && less_height > less_width * 2;
  auto columns = [&](const Image& i) { return width == i.width ? i : resize_columns(i, width); };
  auto rows = [&](const Image& i) { return height == i.height ? i : resize_rows(i, height); };
  return rows_first ? columns(rows(image)) : rows(columns(image));
}

Image crop(const Image& image, int left, int top, int width, int height) {
  if (left < 0 || top < 0 || width < 1 || height < 1 || width > image.width - left ||
      height > image.height - top)
    throw Error("image: no part of ", width, " × ", height, " at (", left, ", ", top, ") in ",
                image.width, " × ", image.height);
  Image result(width, height);
  for (int y = 0; y < height; ++y)
    std::memcpy(result.row(y), image.row(top + y) + std::size_t(left) * 3, std::size_t(width) * 3);
  return result;
}

}  // namespace heed
