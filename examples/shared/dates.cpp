#include "dates.h"

#include <algorithm>
#include <cctype>

#include "files.h"
#include "heed/runtime/checkpoint.h"
#include "heed/runtime/error.h"

namespace heed::examples {

std::vector<DatedText> read_dates() {
  const Checkpoint file = Checkpoint::open(example_file("shared/dates.safetensors"));
  // i8 [texts, longest], -1 behind
  const Tensor source = file.read("source"), target = file.read("target");
  std::vector<DatedText> texts(std::size_t(source.sizes()[0]));
  const auto fill = [&](const Tensor& from, std::string_view alphabet, std::string DatedText::*to) {
    for (std::size_t i = 0; i < std::size_t(from.count()); ++i)
      if (const std::int8_t letter = from.as<std::int8_t>()[i]; letter >= 0)
        texts[i / std::size_t(from.sizes()[1])].*to += alphabet.at(std::size_t(letter));
  };
  fill(source, source_alphabet, &DatedText::text);
  fill(target, target_alphabet, &DatedText::translation);
  return texts;
}

TextBatch batch_of(std::span<const std::string> texts) {
  std::size_t longest = 0;
  for (const std::string& text : texts) longest = std::max(longest, text.size());
  const auto rows = std::int64_t(texts.size());
  TextBatch batch{Tensor(DType::i64, {rows, std::int64_t(longest)}), Tensor(DType::i64, {rows})};
  for (std::size_t r = 0; r < texts.size(); ++r) {
    if (texts[r].empty()) throw Error("dates: text ", r, " is empty");
    batch.lengths.as<std::int64_t>()[r] = std::int64_t(texts[r].size());
    for (std::size_t i = 0; i < texts[r].size(); ++i) {
      const std::size_t letter =
          source_alphabet.find(char(std::tolower(static_cast<unsigned char>(texts[r][i]))));
      if (letter == std::string_view::npos)
        throw Error("dates: '", texts[r], "' has the letter '", texts[r][i],
                    "'; dates are written with '", source_alphabet, "'");
      batch.letters.as<std::int64_t>()[r * longest + i] = std::int64_t(letter);
    }
  }
  return batch;
}

std::string translation_of(const Sequence& written) {
  std::string text;
  for (const std::int64_t letter : written.tokens) text += target_alphabet.at(std::size_t(letter));
  return text;
}

Tensor given_translations(std::span<const std::string> translations) {
  std::size_t longest = 0;
  for (const std::string& text : translations) longest = std::max(longest, text.size() + 1);
  Tensor given(DType::i64, {std::int64_t(translations.size()), std::int64_t(longest)});
  std::ranges::fill(given.as<std::int64_t>(), date_limits.stop);
  for (std::size_t r = 0; r < translations.size(); ++r) {
    std::int64_t* row = given.as<std::int64_t>().data() + r * longest;
    *row++ = date_limits.start;
    for (const char c : translations[r]) *row++ = std::int64_t(target_alphabet.find(c));
  }
  return given;
}

}  // namespace heed::examples
