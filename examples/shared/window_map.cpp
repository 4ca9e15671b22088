#include "window_map.h"

#include <algorithm>

#include "heed/runtime/image/heat_map.h"

namespace heed::examples {

Image draw_windows(const Image& picture, const Tensor& attention, int side) {
  const Sizes& sizes = attention.sizes();
  const std::int64_t heads = sizes[1], area = sizes[2];
  int window = 1;
  while (window * window < area) ++window;
  const int windows = side / window;  // along an axis

  std::vector<float> seen(std::size_t(side) * std::size_t(side));
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      const std::int64_t at = y / window * windows + x / window,
                         key = y % window * window + x % window;
      for (std::int64_t head = 0; head < heads; ++head)
        for (std::int64_t query = 0; query < area; ++query)
          seen[std::size_t(y * side + x)] += attention.at<float>({at, head, query, key});
    }
  Image drawn = draw_heat_map(picture, {seen, side, side});
  for (int line = 1; line < windows; ++line) {
    const int x = drawn.width * line / windows, y = drawn.height * line / windows;
    for (int row = 0; row < drawn.height; ++row)
      std::fill_n(drawn.row(row) + std::size_t(x) * 3, 3, std::uint8_t(255));
    std::fill_n(drawn.row(y), std::size_t(drawn.width) * 3, std::uint8_t(255));
  }
  return drawn;
}

Image side_by_side(const std::vector<Image>& pictures) {
  int width = 0;
  for (const Image& picture : pictures) width += picture.width;
  Image row(width, pictures.at(0).height);
  int left = 0;
  for (const Image& picture : pictures) {
    for (int y = 0; y < row.height; ++y)
      std::copy_n(picture.row(y), std::size_t(picture.width) * 3,
                  row.row(y) + std::size_t(left) * 3);
    left += picture.width;
  }
  return row;
}

}  // namespace heed::examples
