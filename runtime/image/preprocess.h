// Pictures as networks want them.
#pragma once
#include "heed/runtime/image/image.h"
#include "heed/runtime/tensor.h"

namespace heed {

struct Preprocess {
  int size = 224;              // of the square that the network sees
  double crop_fraction = 0.9;  // its share of the resized picture's shorter side
  float mean[3] = {0.5f, 0.5f, 0.5f}, deviation[3] = {0.5f, 0.5f, 0.5f};  // of values in [0, 1]
};

// The square that the network sees: the shorter side resized to floor(size / crop_fraction)
// (bicubic, antialiased), then the centre. timm's evaluation transform.
Image center_square(const Image& image, const Preprocess& how = {});

// center_square as f32 [1, 3, size, size], normalised. The defaults are vit_base_patch16_224's.
Tensor imagenet_preprocess(const Image& image, const Preprocess& how = {});

}  // namespace heed
