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

// All of the picture, its shorter side `shorter` pixels long, or less where the longer one would
// exceed `longer` (bicubic, antialiased; sides rounded down, at least 1). What detectors look at.
Image whole_picture(const Image& image, int shorter, int longer);

// The picture as f32 [1, 3, height, width], normalised by mean and deviation.
Tensor normalized(const Image& image, const Preprocess& how = {});

// center_square as f32 [1, 3, size, size], normalised. The defaults are vit_base_patch16_224's.
Tensor imagenet_preprocess(const Image& image, const Preprocess& how = {});

}  // namespace heed
