#include "heed/runtime/detection/boxes.h"

#include <algorithm>

#include "heed/runtime/error.h"

namespace heed {
namespace {

constexpr std::size_t numbers = 4;  // of a box

template <class Convert>
Tensor converted(const Tensor& boxes, const Convert& convert) {
  if (boxes.rank() < 1 || boxes.sizes()[boxes.rank() - 1] != std::int64_t(numbers))
    throw Error("boxes: expected [..., 4], found ", text_of(boxes.sizes()));
  Tensor result(DType::f32, boxes.sizes());
  const auto from = boxes.as<float>();
  const auto to = result.as<float>();
  for (std::size_t i = 0; i < from.size(); i += numbers) convert(&from[i], &to[i]);
  return result;
}

Corners corners_at(const float* v) {
  return {double(v[0]), double(v[1]), double(v[2]), double(v[3])};
}

template <class Measure>
Tensor pairwise(const Tensor& a, const Tensor& b, const Measure& measure) {
  const auto fits = [](const Tensor& t) {
    return t.rank() == 3 && t.sizes()[2] == std::int64_t(numbers);
  };
  if (!fits(a) || !fits(b) || a.sizes()[0] != b.sizes()[0])
    throw Error("boxes: expected [batch, n, 4] and [batch, m, 4], found ", text_of(a.sizes()),
                " and ", text_of(b.sizes()));
  const std::int64_t batch = a.sizes()[0], n = a.sizes()[1], m = b.sizes()[1];
  Tensor result(DType::f32, {batch, n, m});
  const std::span<const float> first = a.as<float>(), second = b.as<float>();
  std::size_t at = 0;
  for (std::int64_t i = 0; i < batch; ++i)
    for (std::int64_t p = 0; p < n; ++p)
      for (std::int64_t q = 0; q < m; ++q)
        result.as<float>()[at++] =
            float(measure(corners_at(&first[std::size_t(i * n + p) * numbers]),
                          corners_at(&second[std::size_t(i * m + q) * numbers])));
  return result;
}

}  // namespace

Corners corners_of(const Centred& box) {
  return {box.x - box.width / 2, box.y - box.height / 2, box.x + box.width / 2,
          box.y + box.height / 2};
}
Centred centred_of(const Corners& box) {
  return {(box.left + box.right) / 2, (box.top + box.bottom) / 2, box.right - box.left,
          box.bottom - box.top};
}

double area(const Corners& box) {
  return std::max(box.right - box.left, 0.0) * std::max(box.bottom - box.top, 0.0);
}

double intersection(const Corners& a, const Corners& b) {
  return area({std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right),
               std::min(a.bottom, b.bottom)});
}

double iou(const Corners& a, const Corners& b) {
  const double common = intersection(a, b), all = area(a) + area(b) - common;
  return all > 0 ? common / all : 0;
}

double giou(const Corners& a, const Corners& b) {
  const double all = area(a) + area(b) - intersection(a, b);
  const double hull = area({std::min(a.left, b.left), std::min(a.top, b.top),
                            std::max(a.right, b.right), std::max(a.bottom, b.bottom)});
  return hull > 0 ? iou(a, b) - (hull - all) / hull : -1;
}

Tensor to_corners(const Tensor& centred) {
  return converted(centred, [](const float* from, float* to) {
    const Corners box =
        corners_of({double(from[0]), double(from[1]), double(from[2]), double(from[3])});
    to[0] = float(box.left), to[1] = float(box.top), to[2] = float(box.right),
    to[3] = float(box.bottom);
  });
}
Tensor to_centred(const Tensor& corners) {
  return converted(corners, [](const float* from, float* to) {
    const Centred box = centred_of(corners_at(from));
    to[0] = float(box.x), to[1] = float(box.y), to[2] = float(box.width), to[3] = float(box.height);
  });
}

Tensor pairwise_iou(const Tensor& a, const Tensor& b) { return pairwise(a, b, iou); }
Tensor pairwise_giou(const Tensor& a, const Tensor& b) { return pairwise(a, b, giou); }

}  // namespace heed
