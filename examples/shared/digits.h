// The handwritten digits: what of them was kept for the test, and pictures made to look like them.
#pragma once
#include <filesystem>
#include <vector>

#include "heed/runtime/image/image.h"
#include "heed/runtime/tensor.h"

namespace heed::examples {

struct DigitTest {
  Tensor images;  // f32 [images, 1, 8, 8], ink from -1 to 1
  std::vector<int> labels;
};

// The fifth that vit/train_digits.py neither trained on nor chose by.
DigitTest read_digit_test(const std::filesystem::path& file);

// How many rows of logits, [images, 10], are largest at their label.
int count_right(const Tensor& logits, const std::vector<int>& labels);

// Any picture as one digit, [1, 1, 8, 8]: grey, and each pixel the mean of the area that it covers.
// Ink is bright on dark; a picture with a bright border is taken for dark ink on paper.
Tensor digit_from(const Image& picture);

}  // namespace heed::examples
