// The handwritten digits of vit/digits.safetensors by their split, and pictures made to look like
// them.
#pragma once
#include <filesystem>
#include <vector>

#include "heed/runtime/image/image.h"
#include "heed/runtime/tensor.h"

namespace heed::examples {

struct Digits {
  Tensor images;  // f32 [images, 1, 8, 8], ink from -1 to 1
  std::vector<int> labels;
};

// As train_digits.py split them: test is the fifth that it neither trained on nor chose by.
enum class DigitSplit { train, validation, test };
Digits read_digits(const std::filesystem::path& file, DigitSplit which);

// How many rows of logits, [images, 10], are largest at their label.
int count_right(const Tensor& logits, const std::vector<int>& labels);

// Image `index` of ink, [images, 1, side, side], as a picture, bright on dark, 16 × 16 pixels for
// each of its own.
Image picture_of_ink(const Tensor& images, std::int64_t index);

// Any picture as ink, [1, 1, side, side]: grey, and each pixel the mean of the area that it covers.
// Ink is bright on dark; a picture with a bright border is taken for dark ink on paper.
Tensor ink_from(const Image& picture, int side = 8);

}  // namespace heed::examples
