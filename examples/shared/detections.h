// What a set of queries says about one picture.
#pragma once
#include <cstdint>
#include <vector>

#include "heed/runtime/detection/boxes.h"

namespace heed::examples {

struct Found {
  std::int64_t query, category;
  double score;  // probability of the category
  Centred box;
};

// Every query's likeliest category but the last, which is "no object", by falling score. logits:
// [batch, queries, categories + 1], boxes: [batch, queries, 4].
std::vector<Found> objects_found(const Tensor& logits, const Tensor& boxes, std::int64_t picture);

}  // namespace heed::examples
