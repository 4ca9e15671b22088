#include "heed/runtime/detection/assignment.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "../must_throw.h"
#include "expected.h"

using namespace heed;
using heed::testing::check_error;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// The least cost over all ways to give rows the columns that are left; rows <= columns.
double least(const std::vector<double>& costs, int rows, int columns, int row, unsigned taken,
             std::vector<double>& memo) {
  if (row == rows) return 0;
  double& known = memo[std::size_t(row) << columns | taken];
  if (!std::isnan(known)) return known;
  double best = infinity;
  for (int column = 0; column < columns; ++column)
    if (!(taken >> column & 1))
      best = std::min(best, costs[std::size_t(row * columns + column)] +
                                least(costs, rows, columns, row + 1, taken | 1u << column, memo));
  return known = best;
}
double brute_force(std::vector<double> costs, int rows, int columns) {
  if (rows > columns) {
    std::vector<double> turned;
    for (int column = 0; column < columns; ++column)
      for (int row = 0; row < rows; ++row)
        turned.push_back(costs[std::size_t(row * columns + column)]);
    return brute_force(turned, columns, rows);
  }
  std::vector<double> memo(std::size_t(rows + 1) << columns, NAN);
  return least(costs, rows, columns, 0, 0, memo);
}

// The cost of an assignment, which must be one.
double cost_of(const std::vector<Match>& matches, const std::vector<double>& costs,
               std::int64_t rows, std::int64_t columns) {
  REQUIRE(std::int64_t(matches.size()) == std::min(rows, columns));
  std::vector<bool> row_taken(std::size_t(rows), false), column_taken(std::size_t(columns), false);
  double sum = 0;
  std::int64_t before = -1;
  for (const Match& match : matches) {
    REQUIRE(match.row > before);
    before = match.row;
    REQUIRE((match.column >= 0 && match.column < columns && match.row < rows &&
             !column_taken[std::size_t(match.column)]));
    column_taken[std::size_t(match.column)] = true;
    sum += costs[std::size_t(match.row * columns + match.column)];
  }
  return sum;
}

}  // namespace

TEST_CASE("assign: ten thousand small matrices cost what trying everything finds") {
  std::mt19937 random(1);
  for (int n = 0; n < 10'000; ++n) {
    const int rows = 1 + int(random() % 6), columns = 1 + int(random() % 6);
    const unsigned levels = n % 3 == 0 ? 3 : 1'000'003;  // few: many assignments cost the same
    std::vector<double> costs;
    for (int i = 0; i < rows * columns; ++i)
      costs.push_back(double(random() % levels) - double(levels / 2));
    CAPTURE(n);
    REQUIRE(cost_of(assign(costs, rows, columns), costs, rows, columns) ==
            brute_force(costs, rows, columns));
  }
}

TEST_CASE("assign: forbidden pairs are avoided, or there is no assignment") {
  std::mt19937 random(2);
  int impossible = 0;
  for (int n = 0; n < 2'000; ++n) {
    const int rows = 1 + int(random() % 5), columns = 1 + int(random() % 5);
    std::vector<double> costs;
    for (int i = 0; i < rows * columns; ++i)
      costs.push_back(random() % 2 ? infinity : double(random() % 100));
    CAPTURE(n);
    const double best = brute_force(costs, rows, columns);
    if (best < infinity)
      REQUIRE(cost_of(assign(costs, rows, columns), costs, rows, columns) == best);
    else {
      ++impossible;
      check_error([&] { (void)assign(costs, rows, columns); }, {"forbid every assignment"});
    }
  }
  CHECK(impossible > 100);
}

TEST_CASE("assign: large matrices cost what scipy finds") {
  for (const auto& one : heed::testing::expected("assignment")) {
    const std::int64_t rows = one["rows"], columns = one["columns"];
    std::vector<float> values(std::size_t(rows * columns));
    formula_input(one["name"].get<std::string>(), values, 1.0f);
    const double levels = one["levels"];
    std::vector<double> costs;
    for (float v : values)
      costs.push_back(levels > 0 ? std::floor((double(v) + 1) / 2 * levels) : double(v));
    CHECK(cost_of(assign(costs, rows, columns), costs, rows, columns) ==
          doctest::Approx(one["cost"].get<double>()).epsilon(1e-12));
  }
}

TEST_CASE("assign: batches, empty sides, and what is refused") {
  const Tensor costs = Tensor::of<float>(DType::f32, {2, 2, 3},
                                         std::vector<float>{1, 2, 3, 1, 5, 9, 9, 1, 9, 1, 9, 9});
  const auto all = assign(costs);
  REQUIRE(all.size() == 2);
  CHECK(all[0] == std::vector<Match>{{0, 1}, {1, 0}});
  CHECK(all[1] == std::vector<Match>{{0, 1}, {1, 0}});
  CHECK(assign(std::vector<double>{}, 5, 0).empty());
  check_error([] { (void)assign(std::vector<double>{1, 2, 3}, 2, 2); },
              {"3 costs for 2 rows and 2 columns"});
  check_error([] { (void)assign(std::vector<double>{1, 2, NAN, 3}, 2, 2); },
              {"row 1 and column 0 is NaN"});
  check_error([] { (void)assign(std::vector<double>{1, -infinity, 1, 3}, 2, 2); },
              {"row 0 and column 1 is -infinity"});
  check_error([] { (void)assign(Tensor(DType::f32, {2, 3})); },
              {"[batch, rows, columns]", "[2, 3]"});
}
