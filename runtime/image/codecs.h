// The decoders behind decode_image, one a file. Each throws Error.
#pragma once
#include <cstddef>
#include <span>

#include "heed/runtime/image/image.h"

namespace heed::detail {

Image decode_jpeg(std::span<const std::byte> file);
Image decode_png(std::span<const std::byte> file);
Image decode_ppm(std::span<const std::byte> file);  // binary PGM (P5) and PPM (P6)

// Throws Error when a side is below 1 or there are too many pixels.
void check_size(std::int64_t width, std::int64_t height);

}  // namespace heed::detail
