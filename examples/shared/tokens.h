// Real things as vectors for attention: the words of a sentence, the patches of a picture; and
// their order.
#pragma once
#include <string>
#include <vector>

#include "heed/dsl/tensor.h"
#include "heed/runtime/image/image.h"
#include "heed/runtime/tensor.h"

namespace heed::examples {

inline constexpr std::int64_t token_features = 192;  // an 8 × 8 patch in red, green and blue
inline constexpr std::int64_t attention_heads = 6;
using token_rows = tensor<f32, 1, dim("T"), token_features>;
inline const std::string default_sentence =
    "The animal didn't cross the street because it was too tired to go on";

struct Tokens {
  Tensor values;                   // f32 [1, tokens, token_features]
  std::vector<std::string> names;  // words, or places "row, column"
};

// Words at spaces; throws Error where there is none. The vector of a word follows from the word
// alone: formula_input("word." + word).
Tokens words_of(const std::string& sentence);

// The centre of the picture as 7 × 7 patches, in reading order, normalised to [-1, 1].
Tokens patches_of(const Image& picture);

// Patches of the picture in that file, or the sentence's words where it is empty; says which.
Tokens tokens_of(const std::string& image_file, const std::string& sentence);

// 0 … count - 1 in an order that is mixed, and always the same.
std::vector<std::int64_t> mixed_order(std::int64_t count);

// Token i of the result is token order[i] of x: [batch, tokens, features].
Tensor reordered(const Tensor& x, const std::vector<std::int64_t>& order);

// The same of pictures: patches of `side` × `side` pixels of images: [batch, channels, height,
// width] change places.
Tensor reordered_patches(const Tensor& images, std::int64_t side,
                         const std::vector<std::int64_t>& order);

}  // namespace heed::examples
