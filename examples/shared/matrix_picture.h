// Numbers as pictures: attention weights, tables of positions.
#pragma once
#include <span>
#include <vector>

#include "heed/runtime/image/image.h"

namespace heed::examples {

// A matrix, row-major, in the colours of draw_heat_map, its least value the darkest: `cell` pixels
// a side for each element.
Image draw_matrix(std::span<const float> values, int rows, int columns, int cell);

// Pictures side by side from the top, white between them, at most `per_row` in a row.
Image side_by_side(const std::vector<Image>& pictures, int per_row = 4);

// Mean over the heads of attention weights: [batch, heads, queries, keys] of one image to [queries,
// keys].
std::vector<float> mean_of_heads(std::span<const float> weights, int heads);

}  // namespace heed::examples
