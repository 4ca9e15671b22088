#include "heed/runtime/image/heat_map.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "heed/runtime/error.h"

namespace heed {
namespace {

// Nine points of the map known as viridis.
constexpr std::uint8_t colours[9][3] = {{68, 1, 84},    {71, 44, 122},  {59, 81, 139},
                                        {44, 113, 142}, {33, 144, 141}, {39, 173, 129},
                                        {92, 200, 99},  {170, 220, 50}, {253, 231, 37}};

// Neighbouring cells of a point of an axis and the weight of the second.
struct Between {
  int low, high;
  float weight;
};
Between locate(int pixel, int pixels, int cells) {
  const float at = (float(pixel) + 0.5f) * float(cells) / float(pixels) - 0.5f;
  const int low = std::clamp(static_cast<int>(std::floor(at)), 0, cells - 1);
  return {low, std::min(low + 1, cells - 1), std::clamp(at - float(low), 0.0f, 1.0f)};
}

float mix(float a, float b, float weight) { return a + (b - a) * weight; }

// Values spread over [0, 1].
std::vector<float> normalised(std::span<const float> values) {
  float low = std::numeric_limits<float>::infinity(), high = -low;
  for (float v : values)
    if (std::isfinite(v)) {
      low = std::min(low, v);
      high = std::max(high, v);
    }
  std::vector<float> result;
  for (float v : values)
    result.push_back(std::isfinite(v) && high > low ? (v - low) / (high - low) : 0);
  return result;
}

}  // namespace

void heat_colour(float t, std::uint8_t rgb[3]) {
  const float at = std::clamp(t, 0.0f, 1.0f) * 8;
  const int low = std::min(static_cast<int>(at), 7);
  for (int c = 0; c < 3; ++c)
    rgb[c] = static_cast<std::uint8_t>(
        std::lround(mix(colours[low][c], colours[low + 1][c], at - float(low))));
}

Image draw_heat_map(const Image& image, const HeatMap& map, float opacity) {
  if (map.height < 1 || map.width < 1 ||
      map.values.size() != std::size_t(map.height) * std::size_t(map.width))
    throw Error("heat map: ", map.values.size(), " values for ", map.height, " × ", map.width,
                " cells");
  opacity = std::clamp(opacity, 0.0f, 1.0f);
  const std::vector<float> values = normalised(map.values);
  auto value = [&](int y, int x) {
    return values[std::size_t(y) * std::size_t(map.width) + std::size_t(x)];
  };
  Image result = image;
  for (int y = 0; y < image.height; ++y) {
    const Between row = locate(y, image.height, map.height);
    for (int x = 0; x < image.width; ++x) {
      const Between column = locate(x, image.width, map.width);
      const float above =
          mix(value(row.low, column.low), value(row.low, column.high), column.weight);
      const float below =
          mix(value(row.high, column.low), value(row.high, column.high), column.weight);
      std::uint8_t colour[3];
      heat_colour(mix(above, below, row.weight), colour);
      std::uint8_t* pixel = result.row(y) + std::size_t(x) * 3;
      for (int c = 0; c < 3; ++c)
        pixel[c] = static_cast<std::uint8_t>(std::lround(mix(pixel[c], colour[c], opacity)));
    }
  }
  return result;
}

}  // namespace heed
