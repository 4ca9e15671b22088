#include "heed/runtime/image/preprocess.h"

#include <algorithm>
#include <cmath>

#include "heed/runtime/error.h"
#include "heed/runtime/image/codecs.h"
#include "heed/runtime/image/resize.h"

namespace heed {

Image center_square(const Image& image, const Preprocess& how) {
  if (how.size < 1 || how.size > 8192 || !(how.crop_fraction > 0 && how.crop_fraction <= 1))
    throw Error("image: a square of ", how.size, " pixels and a crop fraction of ",
                std::to_string(how.crop_fraction), ", 1 to 8192 and more than 0 to 1 are possible");
  detail::check_size(image.width, image.height);
  const int shorter = static_cast<int>(std::floor(how.size / how.crop_fraction));
  const int side = std::min(image.width, image.height);
  // In integers, as int(size * long / short) in torchvision.
  const auto scaled = [&](int length) {
    return length == side ? shorter : static_cast<int>(std::int64_t(shorter) * length / side);
  };
  detail::check_size(std::int64_t(shorter) * image.width / side,
                     std::int64_t(shorter) * image.height / side);
  const Image resized = resize_bicubic(image, scaled(image.width), scaled(image.height));
  // Halves go to even, as in Python's round.
  const auto middle = [&](int length) {
    return static_cast<int>(std::nearbyint((length - how.size) / 2.0));
  };
  return crop(resized, middle(resized.width), middle(resized.height), how.size, how.size);
}

Image whole_picture(const Image& image, int shorter, int longer) {
  if (shorter < 1 || longer < shorter)
    throw Error("image: sides of ", shorter, " and at most ", longer,
                " pixels, 1 or more and no less are possible");
  detail::check_size(image.width, image.height);
  const std::int64_t least = std::min(image.width, image.height),
                     most = std::max(image.width, image.height);
  // The side that is given, and what it is now.
  const bool limited = most * shorter > std::int64_t(longer) * least;
  const std::int64_t given = limited ? longer : shorter, now = limited ? most : least;
  const auto scaled = [&](std::int64_t side) {
    return std::max<std::int64_t>(side * given / now, 1);
  };
  detail::check_size(scaled(image.width), scaled(image.height));
  return resize_bicubic(image, int(scaled(image.width)), int(scaled(image.height)));
}

Tensor normalized(const Image& image, const Preprocess& how) {
  const auto plane = std::size_t(image.width) * std::size_t(image.height);
  Tensor tensor(DType::f32, {1, 3, image.height, image.width});
  const std::span<float> out = tensor.as<float>();
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t i = 0; i < plane; ++i)
      out[c * plane + i] =
          (float(image.pixels[i * 3 + c]) / 255.0f - how.mean[c]) / how.deviation[c];
  return tensor;
}

Tensor imagenet_preprocess(const Image& image, const Preprocess& how) {
  return normalized(center_square(image, how), how);
}

}  // namespace heed
