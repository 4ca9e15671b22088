// Frames and words on pictures.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "heed/runtime/detection/boxes.h"
#include "heed/runtime/image/image.h"

namespace heed::examples {

using Colour = std::array<std::uint8_t, 3>;

// Colours that are told apart well, also from their neighbours in the row; they repeat after eight.
Colour colour_of(std::int64_t index);

// A frame of `thickness` pixels, inside of `box`, which is in shares of the picture's sides; what
// lies outside of the picture is not drawn.
void draw_frame(Image& picture, const Corners& box, Colour colour, int thickness = 3);

// Words on a ground of `colour`, their top left corner at (x, y), moved as far as is needed to be
// inside. Letters are 7 × scale pixels high; other characters than ASCII's are left out.
void draw_label(Image& picture, int x, int y, const std::string& words, Colour colour,
                int scale = 2);

}  // namespace heed::examples
