// Bicubic resampling of pictures, bit for bit that of the Python Imaging Library (Pillow 13).
#pragma once
#include "heed/runtime/image/image.h"

namespace heed {

// Separable convolution with the cubic kernel a = -1/2, widened where the picture shrinks so that
// nothing aliases; each pass rounded to 8 bits. Columns first, unless rows shrink far more (older
// versions of PIL: always columns first).
Image resize_bicubic(const Image& image, int width, int height);

// The part of `width` × `height` pixels at (left, top). Throws Error when it is not inside.
Image crop(const Image& image, int left, int top, int width, int height);

}  // namespace heed
