// The linear assignment problem: which row takes which column at the least total cost (the
// Hungarian method, here by shortest augmenting paths: Crouse, On implementing 2D rectangular
// assignment algorithms, 2016).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "heed/runtime/tensor.h"

namespace heed {

struct Match {
  std::int64_t row, column;
  bool operator==(const Match&) const = default;
};

// costs: [rows, columns], row-major. min(rows, columns) pairs by ascending row; each row and column
// is in one at most. An infinite cost forbids a pair. Of several assignments that cost the same it
// is not said which one comes out, but it is the same one every time. O(min(rows, columns)^2
// max(rows, columns)). Throws Error on NaN and -infinity, where the sizes are not those of `costs`,
// and where forbidden pairs leave no assignment.
std::vector<Match> assign(std::span<const double> costs, std::int64_t rows, std::int64_t columns);

// The same for every matrix of f32 [batch, rows, columns].
std::vector<std::vector<Match>> assign(const Tensor& costs);

}  // namespace heed
