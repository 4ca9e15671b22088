#include "segments.h"

#include <algorithm>
#include <numeric>

#include "../shared/marks.h"

namespace heed::examples {
namespace {

// A mask stretched over the picture, bilinear, cells' centres spread evenly.
class Stretched {
 public:
  Stretched(const float* mask, int height, int width)
      : mask_(mask), height_(height), width_(width) {}
  float at(double y, double x) const {  // in cells
    const Place down = place(y, height_), across = place(x, width_);
    const float* upper = mask_ + std::ptrdiff_t(down.first) * width_;
    const float* lower = mask_ + std::ptrdiff_t(down.second) * width_;
    const auto row = [&](const float* r) {
      return r[across.first] + across.share * (r[across.second] - r[across.first]);
    };
    return row(upper) + down.share * (row(lower) - row(upper));
  }

 private:
  struct Place {
    int first, second;
    float share;  // of the second
  };
  static Place place(double at, int cells) {
    const double inside = std::clamp(at - 0.5, 0.0, double(cells - 1));
    const int first = int(inside);
    return {first, std::min(first + 1, cells - 1), float(inside - first)};
  }
  const float* mask_;
  int height_, width_;
};

}  // namespace

Segmentation segments_of(const std::vector<Found>& found, const Tensor& masks, int picture_width,
                         int picture_height, std::int64_t first_stuff) {
  const int height = int(masks.sizes()[2]), width = int(masks.sizes()[3]);
  std::vector<Stretched> stretched;
  std::vector<Segment> segments;
  std::vector<int> segment_of;  // each query's
  for (const Found& f : found) {
    stretched.emplace_back(masks.as<float>().data() + f.query * height * width, height, width);
    const auto same = std::ranges::find_if(segments, [&](const Segment& s) {
      return f.category >= first_stuff && s.category == f.category;
    });
    segment_of.push_back(int(same - segments.begin()));
    if (same == segments.end()) segments.push_back({f.query, f.category, f.score, 0});
  }

  Segmentation result;
  for (int y = 0; y < picture_height; ++y)
    for (int x = 0; x < picture_width; ++x) {
      const double row = (y + 0.5) * height / picture_height,
                   column = (x + 0.5) * width / picture_width;
      int best = -1;
      float largest = 0;
      for (std::size_t i = 0; i < stretched.size(); ++i)
        if (const float logit = stretched[i].at(row, column); best < 0 || logit > largest) {
          best = segment_of[i];
          largest = logit;
        }
      result.owner.push_back(best);
      if (best >= 0) ++segments[std::size_t(best)].pixels;
    }

  const double least = 4.0 * picture_width * picture_height / (double(width) * height);
  std::vector<int> order(segments.size()), place(segments.size(), -1);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater(),
                           [&](int i) { return segments[std::size_t(i)].pixels; });
  for (const int i : order) {
    if (double(segments[std::size_t(i)].pixels) < least) continue;
    place[std::size_t(i)] = int(result.segments.size());
    result.segments.push_back(segments[std::size_t(i)]);
  }
  for (int& owner : result.owner)
    if (owner >= 0) owner = place[std::size_t(owner)];
  return result;
}

Image draw_segments(const Image& picture, const Segmentation& segmentation) {
  Image drawn = picture;
  const auto owner = [&](int y, int x) {
    return segmentation.owner[std::size_t(y) * std::size_t(picture.width) + std::size_t(x)];
  };
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x) {
      const int mine = owner(y, x);
      const bool border = (x + 1 < picture.width && owner(y, x + 1) != mine) ||
                          (y + 1 < picture.height && owner(y + 1, x) != mine);
      if (mine < 0 && !border) continue;
      const Colour colour = border ? Colour{255, 255, 255} : colour_of(mine);
      std::uint8_t* pixel = drawn.row(y) + std::ptrdiff_t(x) * 3;
      for (int c = 0; c < 3; ++c)
        pixel[c] = std::uint8_t((9 * pixel[c] + 11 * colour[std::size_t(c)]) / 20);
    }
  return drawn;
}

}  // namespace heed::examples
