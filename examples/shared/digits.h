// The handwritten digits of vit/digits.safetensors by their split, and pictures made to look like them.
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

// Digit `index` as a picture, bright ink on dark, 16 × 16 pixels for each of its own.
Image picture_of_digit(const Tensor& images, std::int64_t index);

// Any picture as one digit, [1, 1, 8, 8]: grey, and each pixel the mean of the area that it covers.
// Ink is bright on dark; a picture with a bright border is taken for dark ink on paper.
Tensor digit_from(const Image& picture);

}  // namespace heed::examples
