// Caches that grow: the same values at every fusion level and target, in their place or not; what
// may not be updated in its place is not; rows that do not fit are an error.
#include <doctest/doctest.h>

#include <vector>

#include "../runtime/must_throw.h"
#include "heed/dsl/dsl.h"
#include "heed/dsl/load.h"
#include "heed/runtime/formula.h"
#include "heed/runtime/session.h"
#include "ways.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, N{"N"}, C{"C"};
constexpr std::int64_t layers = 2, features = 21;
using cache_type = tensor<f32, layers, B, C, features>;
using rows_type = tensor<f32, B, N, features>;
using places_type = tensor<i64, B>;

// Rows to one layer, twice as much to the other, and what is then read.
struct filled {
  constexpr auto operator()(expression auto cache, expression auto rows, expression auto at) const {
    auto first = append<1>(cache, rows, at);
    auto both = append<0>(first, rows + rows, at);
    return parts{both, sum<-1>(select<0, 1>(both))};
  }
};
// Both begin with the same cache: one of them needs a copy.
struct forked {
  constexpr auto operator()(expression auto cache, expression auto rows, expression auto at) const {
    return parts{append<0>(cache, rows, at), append<1>(cache, rows, at)};
  }
};
// A row a step, one behind the other.
struct next_row {
  constexpr auto operator()(expression auto cache, expression auto at, expression auto row) const {
    constexpr dim batch = size<0>(row);
    auto next = append<0>(cache, reshape<batch, 1, features>(row), at);
    return parts{next, at + scalar<1>};
  }
};
struct row_by_row {
  scan<"", next_row, 1> run;
  constexpr auto operator()(expression auto cache, expression auto rows, expression auto at) const {
    auto [filled, end] = run(states(cache, at), steps(rows));
    return parts{filled, end};
  }
};

struct Given {
  Tensor cache, rows, at;

  Given(std::int64_t capacity, std::int64_t count, std::vector<std::int64_t> places)
      : cache(DType::f32, {layers, std::int64_t(places.size()), capacity, features}),
        rows(DType::f32, {std::int64_t(places.size()), count, features}),
        at(Tensor::of<std::int64_t>(DType::i64, {std::int64_t(places.size())}, places)) {
    formula_input("cache", cache.as<float>());
    formula_input("rows", rows.as<float>());
  }
  // The cache with factor · rows in a layer.
  void append_to(Tensor& to, std::int64_t layer, float factor) const {
    for (std::int64_t b = 0; b < rows.sizes()[0]; ++b)
      for (std::int64_t n = 0; n < rows.sizes()[1]; ++n)
        for (std::int64_t f = 0; f < features; ++f)
          to.at<float>({layer, b, at.at<std::int64_t>({b}) + n, f}) =
              factor * rows.at<float>({b, n, f});
  }
  Tensor with(std::int64_t layer, float factor = 1) const {
    Tensor result = cache.copy();
    append_to(result, layer, factor);
    return result;
  }
};

bool same(const Tensor& a, const Tensor& b) {
  return std::ranges::equal(a.as<float>(), b.as<float>());
}

template <class Model>
Session session_of(const Options& way) {
  return load<Model, cache_type, rows_type, places_type>(way).bind(formula_checkpoint({}), 1);
}

}  // namespace

TEST_CASE("rows are appended in place, or to a copy, with the same result") {
  for (const Options& way : oracle::ways({"host", "reference"}, {"host", "vulkan"})) {
    CAPTURE(way.target);
    CAPTURE(way.fusion);
    Session fill = session_of<filled>(way), fork = session_of<forked>(way),
            loop = session_of<row_by_row>(way);
    REQUIRE(fill.program().data().updates.size() == 1);
    CHECK(fork.program().data().updates.size() == 1);
    CHECK(loop.program().data().updates.size() == 1);
    Given cases[] = {{9, 3, {0, 6, 2}}, {4, 1, {3}}, {40, 17, {23, 1}}};
    for (Given& given : cases) {
      Tensor expected = given.with(1), before = given.cache.copy();
      given.append_to(expected, 0, 2);
      const Results apart = fill.run(given.cache, given.rows, given.at);
      CHECK(same(apart[0], expected));
      CHECK(same(given.cache, before));
      const Tensor sums = apart[1].copy();
      const Results forks = fork.run(given.cache, given.rows, given.at);
      CHECK(same(forks[0], given.with(0)));
      CHECK(same(forks[1], given.with(1)));
      const Results steps = loop.run(given.cache, given.rows, given.at);
      CHECK(same(steps[0], given.with(0)));
      CHECK(steps[1].at<std::int64_t>({0}) ==
            given.at.at<std::int64_t>({0}) + given.rows.sizes()[1]);
      CHECK(same(given.cache, before));
      const Results in_place = fill.run_in_place(given.cache, given.rows, given.at);
      CHECK(in_place[0].data() == given.cache.data());
      CHECK(same(given.cache, expected));
      CHECK(same(in_place[1], sums));
      given.cache = before.copy();
      CHECK(loop.run_in_place(given.cache, given.rows, given.at)[0].data() == given.cache.data());
      CHECK(same(given.cache, given.with(0)));
    }
  }
}

TEST_CASE("rows that do not fit are an error, and write nothing outside the cache") {
  for (const Options& way : oracle::ways({"host", "reference"})) {
    Session fill = session_of<filled>(way);
    Given cases[] = {{9, 3, {0, 7}}, {9, 1, {9}}, {9, 1, {-1}}, {2, 3, {0}}};
    for (Given& given : cases)
      testing::check_error([&] { fill.run_in_place(given.cache, given.rows, given.at); },
                           {"(append) of 'filled'", "its rows do not fit", "capacity larger"});
    Given fits(9, 3, {6});
    CHECK(same(fill.run(fits.cache, fits.rows, fits.at)[0], [&] {
      Tensor expected = fits.with(1);
      fits.append_to(expected, 0, 2);
      return expected;
    }()));
  }
}

TEST_CASE("what is updated has memory of its own") {
  Session fill = session_of<filled>(Options());
  Given given(9, 3, {0});
  Tensor overlapping = Tensor::view(DType::f32, given.rows.sizes(), given.cache.data());
  testing::check_error([&] { fill.run_in_place(given.cache, overlapping, given.at); },
                       {"updated", "overlaps"});
}
