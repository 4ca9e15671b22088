// Dates as people write them and as ISO 8601 does; dates.py, which composed them, says how. Letters
// are indices.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "heed/runtime/decoding.h"
#include "heed/runtime/tensor.h"

namespace heed::examples {

inline constexpr std::string_view source_alphabet = " ',-./0123456789;abcdefghijklmnopqrstuvwxyz";
// the first two stand for stop and start
inline constexpr std::string_view target_alphabet = "^$,-/0123456789";
inline constexpr auto source_letters = std::int64_t(source_alphabet.size()),
                      target_letters = std::int64_t(target_alphabet.size());
inline constexpr DecodingLimits date_limits{1, 0, 40};  // three dates, the marks between them, stop

struct DatedText {
  std::string text, translation;
};

// The test that no training saw: its days are in no other text.
std::vector<DatedText> read_dates();

// Texts as a batch: their letters i64 [texts, longest], padded behind, and their lengths i64
// [texts]. Throws Error on an empty one and on letters that no date has; capitals count as small
// letters.
struct TextBatch {
  Tensor letters, lengths;
};
TextBatch batch_of(std::span<const std::string> texts);

std::string translation_of(const Sequence& written);

// START, then the letters of each translation, i64 [translations, longest], stop behind: what
// teacher forcing reads.
Tensor given_translations(std::span<const std::string> translations);

}  // namespace heed::examples
