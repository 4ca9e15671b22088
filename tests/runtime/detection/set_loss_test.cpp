#include "heed/runtime/detection/set_loss.h"

#include <cmath>

#include "../must_throw.h"
#include "expected.h"

using namespace heed;
using heed::testing::check_error;
using heed::testing::formula_boxes;

namespace {

Tensor formula_logits() {
  Tensor logits(DType::f32, {3, 12, 6});
  formula_input("set.logits", logits.as<float>());
  return logits;
}

std::vector<Objects> objects(const nlohmann::json& labels) {
  std::vector<Objects> all;
  for (std::size_t image = 0; image < labels.size(); ++image) {
    Objects o{labels[image].get<std::vector<std::int64_t>>(), {}};
    const Tensor boxes =
        formula_boxes("set.objects." + std::to_string(image), 1, std::int64_t(o.classes.size()));
    for (std::size_t n = 0; n < o.classes.size(); ++n)
      o.boxes.push_back(heed::testing::box_at(boxes, n));
    all.push_back(std::move(o));
  }
  return all;
}

}  // namespace

TEST_CASE("set loss: matches and losses are those of transformers' DETR") {
  const auto expected = heed::testing::expected("set_loss");
  const SetLoss loss =
      set_loss(formula_logits(), formula_boxes("set.boxes", 3, 12), objects(expected["labels"]));
  for (std::size_t image = 0; image < 3; ++image) {
    std::vector<Match> matches;
    for (const auto& pair : expected["matches"][image]) matches.push_back({pair[0], pair[1]});
    CHECK(loss.matches[image] == matches);
  }
  const double classification = expected["classification"], l1 = expected["l1"],
               giou = expected["giou"];
  CHECK(loss.classification == doctest::Approx(classification).epsilon(1e-12));
  CHECK(loss.l1 == doctest::Approx(l1).epsilon(1e-12));
  CHECK(loss.giou == doctest::Approx(giou).epsilon(1e-12));
  CHECK(loss.total == doctest::Approx(classification + 5 * l1 + 2 * giou).epsilon(1e-12));
}

TEST_CASE("set loss: nothing to see, and everything seen") {
  Tensor logits(DType::f32, {1, 2, 3});
  const Tensor boxes = Tensor::of<float>(
      DType::f32, {1, 2, 4}, std::vector<float>{0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.5, 0.5});
  const SetLoss nothing = set_loss(logits, boxes, std::vector<Objects>(1));
  CHECK(nothing.classification == doctest::Approx(std::log(3.0)));
  CHECK(nothing.total == nothing.classification);

  // Query 1 sees the only object exactly and is sure of it, query 0 is sure of nothing.
  logits.at<float>({0, 1, 1}) = 50;
  logits.at<float>({0, 0, 2}) = 50;
  const SetLoss perfect =
      set_loss(logits, boxes, std::vector<Objects>{{{1}, {{0.25, 0.25, 0.5, 0.5}}}});
  CHECK(perfect.matches[0] == std::vector<Match>{{1, 0}});
  CHECK(std::abs(perfect.total) < 1e-15);
}

TEST_CASE("set loss: what does not fit is refused") {
  const Tensor logits(DType::f32, {1, 2, 3}), boxes(DType::f32, {1, 2, 4});
  const Centred box{0.5, 0.5, 1, 1};
  auto refused = [&](const Tensor& l, const Tensor& b, const std::vector<Objects>& o,
                     const char* words) { check_error([&] { (void)set_loss(l, b, o); }, {words}); };
  refused(logits, Tensor(DType::f32, {1, 3, 4}), std::vector<Objects>(1),
          "[1, 2, 3] and [1, 3, 4]");
  refused(logits, boxes, std::vector<Objects>(2), "objects of 2 images for a batch of 1");
  refused(logits, boxes, {{{0}, {}}}, "image 0 has 1 classes and 0 boxes");
  refused(logits, boxes, {{{2}, {box}}}, "an object of class 2; classes are 0 to 1");
  refused(logits, boxes, {{{0, 0, 0}, {box, box, box}}}, "3 objects for 2 queries");
  Tensor broken = logits.copy();
  broken.as<float>()[4] = NAN;
  refused(broken, boxes, std::vector<Objects>(1), "a logit is NaN or infinite");
}
