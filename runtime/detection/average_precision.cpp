#include "heed/runtime/detection/average_precision.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "heed/runtime/error.h"

namespace heed {
namespace {

constexpr int recalls = 101;  // 0, 0.01, … 1, computed as the challenge's code does

using Key = std::pair<std::int64_t, std::int64_t>;  // category, image

struct Label {
  Corners box;
  bool crowd, ignored;
};
struct Cell {  // one image and category
  std::vector<Detection> detections;
  std::vector<Label> labels;
};
// What became of a detection.
struct Verdict {
  double score;
  bool right, ignored;
};

// A crowd is found by what lies in it, however little of it that is.
double iou(const Corners& found, const Label& label) {
  if (!label.crowd) return iou(found, label.box);
  const double whole = area(found);
  return whole > 0 ? intersection(found, label.box) / whole : 0;
}

// In place; equal scores keep their order. (std::stable_sort of libstdc++ 12 uses what C++17
// deprecated.)
template <class Scored>
void sort_by_score(std::vector<Scored>& list) {
  std::vector<std::size_t> order(list.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return list[a].score > list[b].score || (list[a].score == list[b].score && a < b);
  });
  std::vector<Scored> sorted;
  for (std::size_t i : order) sorted.push_back(list[i]);
  list = std::move(sorted);
}

bool outside(const Corners& box, const PrecisionOptions& options) {
  const double a = area(box);
  return a < options.least_area || a > options.largest_area;
}

std::map<Key, Cell> cells_of(std::span<const Detection> detections,
                             std::span<const LabelledBox> labelled,
                             const PrecisionOptions& options) {
  auto whole = [](const Corners& b) { return !std::isnan(b.left + b.top + b.right + b.bottom); };
  std::map<Key, Cell> cells;
  for (std::size_t i = 0; i < labelled.size(); ++i) {
    const LabelledBox& l = labelled[i];
    if (!whole(l.box)) throw Error("average precision: labelled box ", i, " has a NaN");
  }
  for (const bool ignored : {false, true})  // those that are expected come first
    for (const LabelledBox& l : labelled)
      if ((l.crowd || outside(l.box, options)) == ignored)
        cells[{l.category, l.image}].labels.push_back({l.box, l.crowd, ignored});
  for (std::size_t i = 0; i < detections.size(); ++i) {
    const Detection& d = detections[i];
    if (!whole(d.box) || std::isnan(d.score))
      throw Error("average precision: detection ", i, " has a NaN");
    cells[{d.category, d.image}].detections.push_back(d);
  }
  for (auto& [key, cell] : cells) {
    sort_by_score(cell.detections);
    if (std::int64_t(cell.detections.size()) > options.most_detections)
      cell.detections.erase(cell.detections.begin() + options.most_detections,
                            cell.detections.end());
  }
  return cells;
}

// Detections by falling score, labels that are not ignored first.
void judge(const Cell& cell, double threshold, const PrecisionOptions& options,
           std::vector<Verdict>& verdicts) {
  std::vector<bool> taken(cell.labels.size());
  for (const Detection& detection : cell.detections) {
    double best = std::min(threshold, 1 - 1e-10);
    const Label* found = nullptr;
    for (std::size_t n = 0; n < cell.labels.size(); ++n) {
      const Label& label = cell.labels[n];
      if (taken[n] && !label.crowd) continue;
      if (found && !found->ignored && label.ignored) break;
      const double here = iou(detection.box, label);
      if (here < best) continue;
      best = here;
      found = &label;
    }
    if (found) taken[std::size_t(found - cell.labels.data())] = true;
    const bool ignored = found ? found->ignored : outside(detection.box, options);
    verdicts.push_back({detection.score, found != nullptr, ignored});
  }
}

// expected: boxes that are there to be found, at least one.
double precision(std::vector<Verdict> verdicts, std::int64_t expected) {
  sort_by_score(verdicts);
  std::vector<double> recall, precise;
  double right = 0, wrong = 0;
  for (const Verdict& verdict : verdicts) {
    if (!verdict.ignored) (verdict.right ? right : wrong) += 1;
    recall.push_back(right / double(expected));
    precise.push_back(right + wrong > 0 ? right / (right + wrong) : 0);
  }
  for (std::size_t i = precise.size(); i-- > 1;)
    precise[i - 1] = std::max(precise[i - 1], precise[i]);
  double sum = 0;
  for (int i = 0; i < recalls; ++i) {
    const auto at = std::size_t(std::ranges::lower_bound(recall, i * 0.01) - recall.begin());
    if (at < precise.size()) sum += precise[at];
  }
  return sum / recalls;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());  // NaN of none
}

}  // namespace

PrecisionOptions PrecisionOptions::coco() {
  PrecisionOptions options;
  options.thresholds.clear();
  for (int i = 0; i < 10; ++i) options.thresholds.push_back(0.5 + 0.05 * i);
  return options;
}

AveragePrecision average_precision(std::span<const Detection> detections,
                                   std::span<const LabelledBox> labelled,
                                   const PrecisionOptions& options) {
  const std::map<Key, Cell> cells = cells_of(detections, labelled, options);
  std::map<std::int64_t, std::int64_t> expected;  // boxes of each category
  for (const auto& [key, cell] : cells)
    expected[key.first] +=
        std::ranges::count_if(cell.labels, [](const Label& l) { return !l.ignored; });

  AveragePrecision result;
  std::map<std::int64_t, std::vector<double>> by_category;
  for (double threshold : options.thresholds) {
    std::vector<double> values;
    for (const auto& [category, count] : expected) {
      if (count == 0) continue;
      std::vector<Verdict> verdicts;
      for (auto cell = cells.lower_bound({category, std::numeric_limits<std::int64_t>::min()});
           cell != cells.end() && cell->first.first == category; ++cell)
        judge(cell->second, threshold, options, verdicts);
      values.push_back(precision(std::move(verdicts), count));
      by_category[category].push_back(values.back());
    }
    result.at.push_back(mean_of(values));
  }
  for (const auto& [category, values] : by_category) result.of_category[category] = mean_of(values);
  result.mean = mean_of(result.at);
  return result;
}

}  // namespace heed
