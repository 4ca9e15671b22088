#include "heed/runtime/detection/set_loss.h"

#include <algorithm>
#include <cmath>

#include "heed/runtime/error.h"

namespace heed {
namespace {

// One batch of predictions, in double.
class Predictions {
 public:
  Predictions(const Tensor& logits, const Tensor& boxes, std::span<const Objects> objects)
      : logits_(logits.as<float>()), boxes_(boxes.as<float>()) {
    const Sizes &l = logits.sizes(), &b = boxes.sizes();
    const bool fits =
        l.rank() == 3 && b.rank() == 3 && l[0] == b[0] && l[1] == b[1] && b[2] == 4 && l[2] >= 1;
    if (!fits)
      throw Error(
          "set loss: expected logits of [batch, queries, classes + 1] and boxes of [batch, "
          "queries, 4], found ",
          text_of(l), " and ", text_of(b));
    if (std::int64_t(objects.size()) != l[0])
      throw Error("set loss: objects of ", objects.size(), " images for a batch of ", l[0]);
    for (const auto& [what, values] : {std::pair{"logit", logits_}, std::pair{"box", boxes_}})
      if (std::ranges::any_of(values, [](float v) { return !std::isfinite(v); }))
        throw Error("set loss: a ", what, " is NaN or infinite");
    queries = l[1];
    classes = l[2] - 1;
    for (std::size_t image = 0; image < objects.size(); ++image) check(objects[image], image);
  }

  std::int64_t queries, classes;  // classes: without the last, no object

  // log softmax, [classes + 1]
  std::vector<double> log_likelihood(std::size_t image, std::int64_t query) const {
    const std::size_t count = std::size_t(classes + 1);
    const auto row =
        logits_.subspan((image * std::size_t(queries) + std::size_t(query)) * count, count);
    const double largest = double(std::ranges::max(row));
    double sum = 0;
    for (float logit : row) sum += std::exp(double(logit) - largest);
    std::vector<double> result;
    for (float logit : row) result.push_back(double(logit) - largest - std::log(sum));
    return result;
  }
  Centred box(std::size_t image, std::int64_t query) const {
    const float* v = &boxes_[(image * std::size_t(queries) + std::size_t(query)) * 4];
    return {double(v[0]), double(v[1]), double(v[2]), double(v[3])};
  }

 private:
  void check(const Objects& objects, std::size_t image) const {
    if (objects.classes.size() != objects.boxes.size())
      throw Error("set loss: image ", image, " has ", objects.classes.size(), " classes and ",
                  objects.boxes.size(), " boxes");
    if (std::int64_t(objects.classes.size()) > queries)
      throw Error("set loss: image ", image, " has ", objects.classes.size(), " objects for ",
                  queries, " queries");
    for (std::int64_t c : objects.classes)
      if (c < 0 || c >= classes)
        throw Error("set loss: image ", image, " has an object of class ", c, "; classes are 0 to ",
                    classes - 1);
  }

  std::span<const float> logits_, boxes_;
};

double l1(const Centred& a, const Centred& b) {
  return std::abs(a.x - b.x) + std::abs(a.y - b.y) + std::abs(a.width - b.width) +
         std::abs(a.height - b.height);
}
double giou(const Centred& a, const Centred& b) { return giou(corners_of(a), corners_of(b)); }

std::vector<Match> match_image(const Predictions& predictions, std::size_t image,
                               const Objects& objects, const SetLossWeights::Terms& weight) {
  std::vector<double> costs;  // [queries, objects]
  for (std::int64_t query = 0; query < predictions.queries; ++query) {
    const std::vector<double> likelihood = predictions.log_likelihood(image, query);
    const Centred box = predictions.box(image, query);
    for (std::size_t n = 0; n < objects.boxes.size(); ++n)
      costs.push_back(
          -weight.classification * std::exp(likelihood[std::size_t(objects.classes[n])]) +
          weight.l1 * l1(box, objects.boxes[n]) - weight.giou * giou(box, objects.boxes[n]));
  }
  return assign(costs, predictions.queries, std::int64_t(objects.boxes.size()));
}

}  // namespace

std::vector<std::vector<Match>> match_objects(const Tensor& logits, const Tensor& boxes,
                                              std::span<const Objects> objects,
                                              const SetLossWeights& weights) {
  const Predictions predictions(logits, boxes, objects);
  std::vector<std::vector<Match>> matches;
  for (std::size_t image = 0; image < objects.size(); ++image)
    matches.push_back(match_image(predictions, image, objects[image], weights.cost));
  return matches;
}

SetLoss set_loss(const Tensor& logits, const Tensor& boxes, std::span<const Objects> objects,
                 const SetLossWeights& weights) {
  const Predictions predictions(logits, boxes, objects);
  SetLoss loss;
  loss.matches = match_objects(logits, boxes, objects, weights);
  double entropy = 0, entropy_weight = 0, count = 0;
  for (std::size_t image = 0; image < objects.size(); ++image) {
    std::vector<std::int64_t> expected(std::size_t(predictions.queries), predictions.classes);
    for (const Match& match : loss.matches[image]) {
      const Centred found = predictions.box(image, match.row),
                    object = objects[image].boxes[std::size_t(match.column)];
      expected[std::size_t(match.row)] = objects[image].classes[std::size_t(match.column)];
      loss.l1 += l1(found, object);
      loss.giou += 1 - giou(found, object);
      ++count;
    }
    for (std::int64_t query = 0; query < predictions.queries; ++query) {
      const std::int64_t c = expected[std::size_t(query)];
      const double weight = c == predictions.classes ? weights.no_object : 1;
      entropy -= weight * predictions.log_likelihood(image, query)[std::size_t(c)];
      entropy_weight += weight;
    }
  }
  loss.classification = entropy_weight > 0 ? entropy / entropy_weight : 0;
  loss.l1 /= std::max(count, 1.0);
  loss.giou /= std::max(count, 1.0);
  loss.total = weights.loss.classification * loss.classification + weights.loss.l1 * loss.l1 +
               weights.loss.giou * loss.giou;
  return loss;
}

}  // namespace heed
