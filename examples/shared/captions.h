// Pictures composed of handwritten digits and their captions; captions.py, which composed them,
// says how. And the network that makes a grid of vectors of a picture.
#pragma once
#include <array>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "charts.h"
#include "heed/dsl/dsl.h"
#include "heed/runtime/decoding.h"
#include "heed/runtime/image/image.h"
#include "heed/runtime/step_program.h"

namespace heed::examples {

inline constexpr std::array<std::string_view, 19> caption_words{
    "[STOP]", "[START]", "and",   "zero",  "one",    "two",   "three", "four",   "five", "six",
    "seven",  "eight",   "nine",  "upper", "middle", "lower", "left",  "centre", "right"};
inline constexpr std::int64_t caption_word_count = std::int64_t(caption_words.size());
inline constexpr DecodingLimits caption_limits{1, 0, 12};  // three digits, two "and", stop
inline constexpr std::int64_t picture_side = 24, grid_side = 6, grid_cells = grid_side * grid_side,
                              grid_features = 64;

using pictures_type = tensor<f32, dim("B"), 1, picture_side, picture_side>;  // ink from -1 to 1
using grid_type = tensor<f32, dim("B"), grid_cells, grid_features>;

template <std::int64_t In, std::int64_t Out>
struct convolution_3x3 {
  constexpr auto operator()(expression auto x) const {
    auto y = conv2d<1, 1>(x, param<"weight", tensor<f32, Out, In, 3, 3>>);
    return relu(y + reshape<Out, 1, 1>(param<"bias", tensor<f32, Out>>));
  }
};

// pictures to [batch, grid_cells, grid_features], row by row
struct picture_grid {
  sub<"conv1", convolution_3x3<1, 24>> conv1;
  sub<"conv2", convolution_3x3<24, 48>> conv2;
  sub<"conv3", convolution_3x3<48, grid_features>> conv3;
  constexpr auto operator()(expression auto pictures) const {
    constexpr dim batch = size<0>(pictures);
    auto map = conv3(max_pool2d<2, 2>(conv2(max_pool2d<2, 2>(conv1(pictures)))));
    auto cells = transpose(reshape<batch, grid_features, grid_cells>(map));
    return cells + param<"place", tensor<f32, grid_cells, grid_features>>;
  }
};

struct CaptionedPictures {
  Tensor pictures;                    // [pictures, 1, 24, 24]
  Tensor given;                       // captions from START on, stop behind, [pictures, 13] i64
  std::vector<std::string> captions;
};
// The test: composed of digits that no training saw.
CaptionedPictures read_captions();
// One with three digits.
std::int64_t full_picture(const CaptionedPictures& all);
// `count` of them from `first` on.
Tensor some_pictures(const CaptionedPictures& all, std::int64_t first, std::int64_t count);

std::string caption_of(std::span<const std::int64_t> words);
// Says the caption as it is and as it was written.
void say_written(const std::string& caption, std::span<const std::string> words);

// Says how many captions of the test are written without a mistake; `begin` makes the step program
// for some pictures.
using BeginCaptions =
    std::function<void(const Tensor& pictures, const std::function<void(StepProgram&)>& use)>;
void say_exact_captions(const BeginCaptions& begin, const CaptionedPictures& test);

// The picture once for each word that is written, with the cells that it looked at, [words,
// grid_cells]; words are said.
Image draw_words(const Tensor& picture, std::span<const std::string> words,
                 std::span<const float> weights);

}  // namespace heed::examples
