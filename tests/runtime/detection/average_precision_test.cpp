#include "heed/runtime/detection/average_precision.h"

#include <cmath>

#include "../must_throw.h"
#include "expected.h"

using namespace heed;
using heed::testing::check_error;

namespace {

Corners box_of(const nlohmann::json& b) { return {b[0], b[1], b[2], b[3]}; }

}  // namespace

TEST_CASE("average precision: COCO's figures are those of its own evaluation") {
  const auto expected = heed::testing::expected("average_precision");
  std::vector<LabelledBox> labelled;
  for (const auto& l : expected["labelled"])
    labelled.push_back({l["image"], l["category"], box_of(l["box"]), l["crowd"]});
  std::vector<Detection> detections;
  for (const auto& d : expected["detections"])
    detections.push_back({d["image"], d["category"], d["score"], box_of(d["box"])});
  auto same = [&](double found, const char* name) {
    CAPTURE(name);
    CHECK(found == doctest::Approx(expected[name].get<double>()).epsilon(1e-12));
  };

  const AveragePrecision coco = average_precision(detections, labelled, PrecisionOptions::coco());
  same(coco.mean, "coco");
  same(coco.at[0], "at_50");
  same(coco.at[5], "at_75");
  CHECK(coco.of_category.size() == expected["of_category"].size());
  for (const auto& [category, value] : coco.of_category)
    CHECK(value == doctest::Approx(expected["of_category"][std::to_string(category)].get<double>())
                       .epsilon(1e-12));
  same(average_precision(detections, labelled).mean, "at_50");

  PrecisionOptions small = PrecisionOptions::coco(), medium = small, one = small;
  small.largest_area = medium.least_area = 32 * 32;
  medium.largest_area = 96 * 96;
  one.most_detections = 1;
  same(average_precision(detections, labelled, small).mean, "small");
  same(average_precision(detections, labelled, medium).mean, "medium");
  same(average_precision(detections, labelled, one).mean, "one_detection");
}

TEST_CASE("average precision by hand") {
  const Corners a{0, 0, 10, 10}, b{20, 0, 30, 10};
  const std::vector<LabelledBox> labelled = {{1, 7, a}, {1, 7, b}};
  CHECK(average_precision(std::vector<Detection>{{1, 7, 0.9, a}, {1, 7, 0.8, b}}, labelled).mean ==
        1);
  CHECK(average_precision(std::vector<Detection>{}, labelled).mean == 0);
  CHECK(average_precision(std::vector<Detection>{{2, 7, 0.9, a}, {1, 8, 0.9, a}}, labelled).mean ==
        0);
  // Recall 1/2 at precision 1; the second box found a second time is wrong.
  CHECK(average_precision(std::vector<Detection>{{1, 7, 0.9, a}, {1, 7, 0.8, a}}, labelled).mean ==
        doctest::Approx(51 / 101.0));
  // A wrong one before both: precisions 1/2 and 2/3, made monotone 2/3.
  CHECK(average_precision(
            std::vector<Detection>{{1, 7, 0.9, {50, 0, 60, 10}}, {1, 7, 0.8, a}, {1, 7, 0.7, b}},
            labelled)
            .mean == doctest::Approx(2 / 3.0));
  CHECK(std::isnan(
      average_precision(std::vector<Detection>{{1, 7, 0.9, a}}, std::vector<LabelledBox>{}).mean));
}

TEST_CASE("average precision: NaN is refused") {
  const Corners box{0, 0, 1, 1};
  check_error(
      [&] {
        (void)average_precision(std::vector<Detection>{{0, 0, NAN, box}},
                                std::vector<LabelledBox>{});
      },
      {"detection 0 has a NaN"});
  check_error(
      [&] {
        (void)average_precision(std::vector<Detection>{},
                                std::vector<LabelledBox>{{0, 0, {0, NAN, 1, 1}}});
      },
      {"labelled box 0 has a NaN"});
}
