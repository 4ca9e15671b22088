#include "digit_vectors.h"

#include <algorithm>
#include <cmath>

#include "general_attention.h"

namespace heed::examples {

Tensor directions(const Tensor& images) {
  constexpr double length = 20;
  const std::int64_t count = images.sizes()[0];
  Tensor vectors(DType::f32, {count, pixels});
  for (std::size_t i = 0; i < std::size_t(count); ++i) {
    const auto image = images.as<float>().subspan(i * pixels, pixels);
    const auto out = vectors.as<float>().subspan(i * pixels, pixels);
    double square = 0;
    // ink is -1 where there is none
    for (const float ink : image) square += std::pow(double(ink) + 1, 2);
    for (std::size_t p = 0; p < pixels; ++p)
      out[p] = float((double(image[p]) + 1) * length / std::sqrt(std::max(square, 1e-12)));
  }
  return vectors;
}

Tensor one_hot(const std::vector<int>& labels) {
  Tensor values(DType::f32, {std::int64_t(labels.size()), digit_classes});
  for (std::size_t i = 0; i < labels.size(); ++i)
    values.at<float>({std::int64_t(i), labels[i]}) = 1;
  return values;
}

}  // namespace heed::examples
