#include "marks.h"

#include <algorithm>
#include <stb/stb_easy_font.h>
#include <vector>

namespace heed::examples {
namespace {

// [left, right) × [top, bottom), as far as it is inside.
void fill(Image& picture, int left, int top, int right, int bottom, Colour colour) {
  left = std::max(left, 0);
  right = std::min(right, picture.width);
  for (int y = std::max(top, 0); y < std::min(bottom, picture.height); ++y)
    for (int x = left; x < right; ++x)
      std::ranges::copy(colour, picture.row(y) + std::ptrdiff_t(x) * 3);
}

}  // namespace

Colour colour_of(std::int64_t index) {
  constexpr Colour colours[] = {{230, 60, 60}, {40, 130, 230}, {240, 160, 20}, {40, 170, 90},
                                {170, 80, 210}, {0, 175, 180}, {225, 85, 160}, {120, 120, 60}};
  return colours[std::size_t(index) % std::size(colours)];
}

void draw_frame(Image& picture, const Corners& box, Colour colour, int thickness) {
  const auto pixel = [](double share, int side) {
    return int(std::clamp(share, -1.0, 2.0) * side + 0.5);
  };
  const int left = pixel(box.left, picture.width), right = pixel(box.right, picture.width),
            top = pixel(box.top, picture.height), bottom = pixel(box.bottom, picture.height);
  fill(picture, left, top, right, std::min(top + thickness, bottom), colour);
  fill(picture, left, std::max(bottom - thickness, top), right, bottom, colour);
  fill(picture, left, top, std::min(left + thickness, right), bottom, colour);
  fill(picture, std::max(right - thickness, left), top, right, bottom, colour);
}

void draw_label(Image& picture, int x, int y, const std::string& words, Colour colour, int scale) {
  std::string text;
  std::ranges::copy_if(words, std::back_inserter(text),
                       [](char c) { return c >= ' ' && c <= '~'; });
  struct Corner {
    float x, y, z;
    unsigned char rgba[4];
  };
  std::vector<Corner> corners(text.size() * 100 + 4);  // a letter is some ten rectangles
  const int count = stb_easy_font_print(0, 0, text.data(), nullptr, corners.data(),
                                        int(corners.size() * sizeof(Corner)));
  const int width = (stb_easy_font_width(text.data()) + 2) * scale, height = 11 * scale;
  x = std::clamp(x, 0, std::max(picture.width - width, 0));
  y = std::clamp(y, 0, std::max(picture.height - height, 0));
  fill(picture, x, y, x + width, y + height, colour);
  for (std::size_t quad = 0; quad < std::size_t(count); ++quad) {
    const Corner &first = corners[quad * 4], &last = corners[quad * 4 + 2];
    const auto at = [scale](float place) { return (int(place) + 1) * scale; };
    fill(picture, x + at(first.x), y + at(first.y), x + at(last.x), y + at(last.y),
         {255, 255, 255});
  }
}

}  // namespace heed::examples
