// Attention within windows, drawn over the picture that was cut into them.
#pragma once
#include <vector>

#include "heed/runtime/image/image.h"
#include "heed/runtime/tensor.h"

namespace heed::examples {

// attention: [windows, heads, query, key] of side × side patches in square windows, row by row. The
// brighter a patch, the more the patches of its window look at it; lines part the windows.
Image draw_windows(const Image& picture, const Tensor& attention, int side);

// Pictures of one height in a row.
Image side_by_side(const std::vector<Image>& pictures);

}  // namespace heed::examples
