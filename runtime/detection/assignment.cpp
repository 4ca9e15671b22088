#include "heed/runtime/detection/assignment.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "heed/runtime/error.h"

namespace heed {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::size_t none = std::size_t(-1);

// Costs of a problem that has no more rows than columns.
struct Costs {
  std::span<const double> values;
  std::size_t rows, columns;
  bool transposed;
  double at(std::size_t row, std::size_t column) const {
    return transposed ? values[column * rows + row] : values[row * columns + column];
  }
};

// Rows are assigned one after the other. With u and v the dual variables, costs reduced by them are
// never negative and 0 along assigned pairs, so that the shortest path to a free column is what a
// further row costs.
class Solver {
 public:
  explicit Solver(const Costs& costs)
      : costs_(costs),
        u_(costs.rows),
        v_(costs.columns),
        row_of_(costs.columns, none),
        column_of_(costs.rows, none),
        from_(costs.columns),
        distance_(costs.columns),
        done_(costs.columns) {}

  bool solve() {
    for (std::size_t row = 0; row < costs_.rows; ++row)
      if (!augment(row)) return false;
    return true;
  }
  std::size_t column_of(std::size_t row) const { return column_of_[row]; }

 private:
  bool augment(std::size_t first) {
    std::ranges::fill(distance_, infinity);
    std::fill(done_.begin(), done_.end(), false);
    std::vector<std::size_t> reached;  // columns in the order in which their distance was settled
    std::size_t row = first, last = none;
    double shortest = 0;
    while (last == none) {
      std::size_t nearest = none;
      for (std::size_t column = 0; column < costs_.columns; ++column) {
        if (done_[column]) continue;
        const double through = shortest + costs_.at(row, column) - u_[row] - v_[column];
        if (through < distance_[column]) {
          distance_[column] = through;
          from_[column] = row;
        }
        // Among equals a free column ends the search at once.
        const bool nearer = nearest == none || distance_[column] < distance_[nearest] ||
                            (distance_[column] == distance_[nearest] && row_of_[column] == none);
        if (nearer) nearest = column;
      }
      if (distance_[nearest] == infinity) return false;
      shortest = distance_[nearest];
      done_[nearest] = true;
      reached.push_back(nearest);
      if (row_of_[nearest] == none) last = nearest;
      else row = row_of_[nearest];
    }
    u_[first] += shortest;
    for (std::size_t column : reached) {
      if (column != last) u_[row_of_[column]] += shortest - distance_[column];
      v_[column] -= shortest - distance_[column];
    }
    for (std::size_t column = last; column != none;) {
      const std::size_t to = from_[column];
      row_of_[column] = to;
      std::swap(column_of_[to], column);
    }
    return true;
  }

  const Costs& costs_;
  std::vector<double> u_, v_;
  std::vector<std::size_t> row_of_, column_of_, from_;
  std::vector<double> distance_;
  std::vector<bool> done_;
};

}  // namespace

std::vector<Match> assign(std::span<const double> values, std::int64_t rows, std::int64_t columns) {
  if (rows < 0 || columns < 0 || std::int64_t(values.size()) != rows * columns)
    throw Error("assign: ", values.size(), " costs for ", rows, " rows and ", columns, " columns");
  for (std::size_t i = 0; i < values.size(); ++i)
    if (std::isnan(values[i]) || values[i] == -infinity)
      throw Error("assign: the cost of row ", i / std::size_t(columns), " and column ",
                  i % std::size_t(columns), " is ", std::isnan(values[i]) ? "NaN" : "-infinity",
                  "; costs are finite, or infinity to forbid a pair");
  const bool transposed = rows > columns;
  const Costs costs{values, std::size_t(std::min(rows, columns)),
                    std::size_t(std::max(rows, columns)), transposed};
  Solver solver(costs);
  if (!solver.solve())
    throw Error("assign: infinite costs forbid every assignment of ", costs.rows, " pairs");
  std::vector<Match> matches;
  for (std::size_t row = 0; row < costs.rows; ++row) {
    const auto a = std::int64_t(row), b = std::int64_t(solver.column_of(row));
    matches.push_back(transposed ? Match{b, a} : Match{a, b});
  }
  std::ranges::sort(matches, {}, &Match::row);
  return matches;
}

std::vector<std::vector<Match>> assign(const Tensor& costs) {
  if (costs.rank() != 3)
    throw Error("assign: expected costs of [batch, rows, columns], found ", text_of(costs.sizes()));
  const Sizes& sizes = costs.sizes();
  const std::vector<double> values(costs.as<float>().begin(), costs.as<float>().end());
  const std::size_t each = std::size_t(sizes[1] * sizes[2]);
  std::vector<std::vector<Match>> all;
  for (std::int64_t b = 0; b < sizes[0]; ++b)
    all.push_back(
        assign(std::span(values).subspan(std::size_t(b) * each, each), sizes[1], sizes[2]));
  return all;
}

}  // namespace heed
