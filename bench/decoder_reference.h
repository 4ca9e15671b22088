// One row of a Transformer's decoder in double, straight from the definitions.
#pragma once
#include <cstdint>
#include <vector>

#include "heed/runtime/tensor.h"

namespace heed::bench {

struct DecoderSize {
  std::int64_t features, heads, hidden, layers;
};

// y: [1, 1, features], the target's row `position`; cache: [layers, 1, capacity, 2 * features],
// keys and values of the rows before it; memory: [layers, 1, source, 2 * features]. Parameters are
// the formula's, "decoder.layers.0.…". The result has `features` elements.
std::vector<float> decoder_row(const DecoderSize& n, const Tensor& y, std::int64_t position,
                               const Tensor& cache, const Tensor& memory);

}  // namespace heed::bench
