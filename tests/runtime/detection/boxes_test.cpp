#include "heed/runtime/detection/boxes.h"

#include "../must_throw.h"
#include "expected.h"

using namespace heed;
using heed::testing::check_error;

TEST_CASE("boxes: IoU and GIoU are torchvision's") {
  const auto expected = heed::testing::expected("overlaps");
  const Tensor a = heed::testing::formula_boxes("boxes.a", 1, 6),
               b = heed::testing::formula_boxes("boxes.b", 1, 6);
  const Tensor all_iou = pairwise_iou(to_corners(a), to_corners(b)),
               all_giou = pairwise_giou(to_corners(a), to_corners(b));
  for (std::int64_t i = 0; i < 6; ++i)
    for (std::int64_t j = 0; j < 6; ++j) {
      const Corners p = corners_of(heed::testing::box_at(a, std::size_t(i)));
      const Corners q = corners_of(heed::testing::box_at(b, std::size_t(j)));
      const double exact_iou = expected["iou"][std::size_t(i)][std::size_t(j)],
                   exact_giou = expected["giou"][std::size_t(i)][std::size_t(j)];
      CHECK(iou(p, q) == doctest::Approx(exact_iou).epsilon(1e-12));
      CHECK(giou(p, q) == doctest::Approx(exact_giou).epsilon(1e-12));
      CHECK(double(all_iou.at<float>({0, i, j})) == doctest::Approx(exact_iou).epsilon(1e-5));
      CHECK(double(all_giou.at<float>({0, i, j})) == doctest::Approx(exact_giou).epsilon(1e-5));
    }
}

TEST_CASE("boxes: there and back, apart, inside, empty") {
  const Centred box = centred_of(corners_of({3, 4, 2, 6}));
  CHECK((box.x == 3 && box.y == 4 && box.width == 2 && box.height == 6));
  const Tensor boxes =
      Tensor::of<float>(DType::f32, {2, 1, 4}, std::vector<float>{3, 4, 2, 6, 0, 0, 1, 1});
  const Tensor back = to_centred(to_corners(boxes));
  CHECK(std::ranges::equal(back.as<float>(), boxes.as<float>()));

  const Corners unit{0, 0, 1, 1}, far{3, 0, 4, 1}, empty{2, 2, 2, 2};
  CHECK(iou(unit, far) == 0);
  CHECK(giou(unit, far) == -0.5);  // half of the enclosing box is covered by neither
  CHECK(giou(unit, unit) == 1);
  CHECK(giou(unit, {0.25, 0.25, 0.75, 0.75}) == 0.25);
  CHECK(area({2, 2, 1, 3}) == 0);
  CHECK(iou(empty, empty) == 0);
  CHECK(giou(empty, empty) == -1);
}

TEST_CASE("boxes: sizes that do not fit are refused") {
  check_error([] { (void)to_corners(Tensor(DType::f32, {2, 3})); },
              {"expected [..., 4]", "[2, 3]"});
  check_error(
      [] { (void)pairwise_iou(Tensor(DType::f32, {2, 3, 4}), Tensor(DType::f32, {1, 3, 4})); },
      {"[batch, n, 4] and [batch, m, 4]", "[2, 3, 4] and [1, 3, 4]"});
}
