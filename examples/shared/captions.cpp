#include "captions.h"

#include <algorithm>
#include <chrono>

#include "digits.h"
#include "files.h"
#include "heed/runtime/checkpoint.h"
#include "heed/runtime/image/heat_map.h"
#include "marks.h"
#include "matrix_picture.h"
#include "report.h"

namespace heed::examples {

CaptionedPictures read_captions() {
  const Checkpoint file = Checkpoint::open(example_file("shared/captions.safetensors"));
  // i8 [pictures, 24, 24], 0 to 16; [pictures, 13]
  const Tensor ink = file.read("pictures"), words = file.read("captions");
  const std::int64_t count = ink.sizes()[0], length = words.sizes()[1];
  CaptionedPictures all{Tensor(DType::f32, {count, 1, picture_side, picture_side}),
                        Tensor(DType::i64, {count, length - 1}),
                        {}};
  std::ranges::transform(ink.as<std::int8_t>(), all.pictures.as<float>().begin(),
                         [](std::int8_t v) { return (float(v) / 16 - 0.5f) / 0.5f; });
  for (std::int64_t i = 0; i < count; ++i) {
    std::vector<std::int64_t> caption;
    for (std::int64_t t = 0; t < length; ++t) {
      const std::int64_t word = words.at<std::int8_t>({i, t});
      if (t + 1 < length) all.given.at<std::int64_t>({i, t}) = word;
      if (t > 0 && word != caption_limits.stop) caption.push_back(word);
    }
    all.captions.push_back(caption_of(caption));
  }
  return all;
}

std::int64_t full_picture(const CaptionedPictures& all) {
  const auto fullest = std::ranges::max_element(all.captions, {}, [](const std::string& caption) {
    return std::ranges::count(caption, ' ');
  });
  return fullest - all.captions.begin();
}

Tensor some_pictures(const CaptionedPictures& all, std::int64_t first, std::int64_t count) {
  const std::size_t pixels = std::size_t(picture_side * picture_side);
  return Tensor::of<float>(
      DType::f32, {count, 1, picture_side, picture_side},
      all.pictures.as<float>().subspan(std::size_t(first) * pixels, std::size_t(count) * pixels));
}

std::string caption_of(std::span<const std::int64_t> words) {
  std::string caption;
  for (const std::int64_t word : words) {
    if (!caption.empty()) caption += ' ';
    caption += caption_words.at(std::size_t(word));
  }
  return caption;
}

void say_exact_captions(const BeginCaptions& begin, const CaptionedPictures& test) {
  const auto start = std::chrono::steady_clock::now();
  const auto count = std::int64_t(test.captions.size());
  std::size_t right = 0;
  for (std::int64_t first = 0; first < count; first += 100) {
    const std::int64_t some = std::min<std::int64_t>(100, count - first);
    begin(some_pictures(test, first, some), [&](StepProgram& writer) {
      const auto written = greedy(writer.next_token(), some, caption_limits);
      for (std::size_t i = 0; i < written.size(); ++i)
        right += caption_of(written[i].tokens) == test.captions[std::size_t(first) + i];
    });
  }
  say("exact",
      format("%.1f %% of %zu captions, in %.2f s", 100.0 * double(right) / double(count),
             test.captions.size(),
             std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()));
}

void say_written(const std::string& caption, std::span<const std::string> words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
  say("caption", caption);
  say("written", all);
}

Image draw_words(const Tensor& picture, std::span<const std::string> words,
                 std::span<const float> weights) {
  const Image shown_picture = picture_of_ink(picture, 0);
  std::vector<Image> pictures;
  for (std::size_t w = 0; w < words.size(); ++w) {
    const auto cells = weights.subspan(w * std::size_t(grid_cells), std::size_t(grid_cells));
    const auto most = std::ranges::max_element(cells) - cells.begin();
    say(w ? "" : "looks", format("%-7s at row %ld, column %ld of %ld (%.0f %%)", words[w].c_str(),
                                 long(most / grid_side + 1), long(most % grid_side + 1),
                                 long(grid_side), 100 * double(cells[std::size_t(most)])));
    pictures.push_back(draw_heat_map(shown_picture, {cells, int(grid_side), int(grid_side)}));
    draw_label(pictures.back(), 0, 0, words[w], {40, 40, 40}, 4);
  }
  return side_by_side(pictures);
}

}  // namespace heed::examples
