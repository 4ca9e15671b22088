// Where a network looks, drawn over the picture.
#pragma once
#include <cstdint>
#include <span>

#include "heed/runtime/image/image.h"

namespace heed {

struct HeatMap {
  std::span<const float> values;  // [height, width], row-major
  int height = 0, width = 0;
};

// The map stretched over the picture (bilinear, its cells' centres spread evenly), its least value
// the darkest colour and its greatest the brightest, blended with weight `opacity` in [0, 1].
// Values that are not finite count as the least.
Image draw_heat_map(const Image& image, const HeatMap& map, float opacity = 0.6f);

// Colour of t in [0, 1], from dark violet over green to yellow: equal steps of t look equally
// large, also in grey and to the colour-blind.
void heat_colour(float t, std::uint8_t rgb[3]);

}  // namespace heed
