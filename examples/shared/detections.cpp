#include "detections.h"

#include <algorithm>
#include <cmath>

namespace heed::examples {

std::vector<Found> objects_found(const Tensor& logits, const Tensor& boxes, std::int64_t picture) {
  const std::int64_t queries = logits.sizes()[1], classes = logits.sizes()[2];
  std::vector<Found> found;
  for (std::int64_t query = 0; query < queries; ++query) {
    const auto row = std::size_t(picture * queries + query);
    const auto scores =
        logits.as<float>().subspan(row * std::size_t(classes), std::size_t(classes));
    const double largest = std::ranges::max(scores);
    double sum = 0;
    for (const float score : scores) sum += std::exp(score - largest);
    const auto best = std::ranges::max_element(scores.first(std::size_t(classes - 1)));
    const auto box = boxes.as<float>().subspan(row * 4, 4);
    found.push_back({query,
                     best - scores.begin(),
                     std::exp(*best - largest) / sum,
                     {box[0], box[1], box[2], box[3]}});
  }
  std::ranges::stable_sort(found, std::greater(), &Found::score);
  return found;
}

}  // namespace heed::examples
