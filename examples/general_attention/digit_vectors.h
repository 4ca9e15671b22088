// Digits as queries and keys, their labels as values.
#pragma once
#include <vector>

#include "heed/runtime/tensor.h"

namespace heed::examples {

// Images as vectors of one length, so that scores compare their directions. The length sets how
// sharp the weights are; it was chosen on the validation split.
Tensor directions(const Tensor& images);  // [N, 1, 8, 8] to [N, 64]

Tensor one_hot(const std::vector<int>& labels);  // [N, 10]

}  // namespace heed::examples
