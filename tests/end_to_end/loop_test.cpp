// Loops that stop: rows that end at different times, limits, turns at every parity, states of every
// kind, nothing behind the last turn; the greedy search inside a program against the one around a
// step program.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "attention_oracle.h"
#include "heed/dsl/load.h"
#include "heed/dsl/nn/decoding.h"
#include "heed/runtime/formula.h"
#include "written.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, C{"C"};

// Collatz: a row goes on until it is 1. Of its second state every turn reads what the turn before
// wrote elsewhere.
struct halve_or_triple {
  constexpr auto operator()(expression auto n, expression auto pair, expression auto by) const {
    auto half = n / scalar<2>;
    auto next = where(n == scalar<1>, n, where(half * scalar<2> == n, half, n * by + scalar<1>));
    auto swapped = concat<1>(slice<1, 1, 2>(pair), slice<1, 0, 1>(pair) + scalar<1>);
    return parts{next, swapped, next, probe<"sevenfold">(cast<f32>(next) * scalar<7>),
                 next != scalar<1>};
  }
};
struct collatz {
  constexpr auto operator()(expression auto n, expression auto pair, expression auto by,
                            expression auto room) const {
    constexpr dim limit = size<0>(room);
    loop<"run", halve_or_triple, limit> run;
    auto [last, swapped, all, sevenfold, turns] = run(states(n, pair), held(by));
    return parts{last, swapped, all, sevenfold, turns};
  }
};

// A loop inside a scan: each step's own number of turns.
struct collatz_step {
  constexpr auto operator()(expression auto sum, expression auto n, expression auto by) const {
    constexpr dim batch = size<0>(n);
    auto pair = cast<f32>(broadcast_to<batch, 2>(scalar<0>));
    auto [last, swapped, all, sevenfold, turns] =
        loop<"run", halve_or_triple, 200>{}(states(n, pair), held(by));
    return parts{sum + turns, turns};
  }
};
struct collatz_of_each {
  scan<"", collatz_step, 0> run;
  constexpr auto operator()(expression auto numbers, expression auto by) const {
    auto [sum, turns] = run(states(extent<1>() - scalar<1>), steps(numbers), held(by));
    return parts{sum, turns};
  }
};

std::vector<Options> every_way() {
  return oracle::ways({"host", "x86-64-avx2", "reference"}, {"host"});
}

Tensor whole_numbers(Sizes sizes, std::vector<std::int64_t> values) {
  return Tensor::of<std::int64_t>(DType::i64, sizes, values);
}

std::vector<std::int64_t> path_of(std::int64_t n) {
  std::vector<std::int64_t> path;
  while (n != 1) path.push_back(n = n % 2 ? 3 * n + 1 : n / 2);
  return path;
}

Program collatz_program(Options options) {
  options.probes = {"run.sevenfold"};
  return load<collatz, tensor<i64, B>, tensor<f32, B, 2>, tensor<i64>, tensor<f32, C>>(options);
}

void check_collatz(Session& session, std::int64_t limit, const std::vector<std::int64_t>& numbers) {
  const auto rows = std::int64_t(numbers.size());
  Tensor pair(DType::f32, {rows, 2}), room(DType::f32, {limit});
  formula_input("pair", pair.as<float>());
  const Tensor n = whole_numbers({rows}, numbers), by = whole_numbers({}, {3});
  std::size_t longest = 1;
  for (const std::int64_t number : numbers) longest = std::max(longest, path_of(number).size());
  const std::int64_t turns = std::min(std::int64_t(longest), limit);
  for (int again = 0; again < 2; ++again) {  // what the first run left does not matter
    const Results results = session.run(n, pair, by, room);
    CHECK(results[4].as<std::int64_t>()[0] == turns);
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::vector<std::int64_t> path = path_of(numbers[std::size_t(r)]);
      auto at = [&](std::int64_t t) {
        return t < std::int64_t(path.size()) ? path[std::size_t(t)] : 1;
      };
      CHECK(results[0].at<std::int64_t>({r}) == at(turns - 1));
      for (std::int64_t t = 0; t < limit; ++t) {
        CHECK(results[2].at<std::int64_t>({r, t}) == (t < turns ? at(t) : 0));
        CHECK(results[3].at<float>({r, t}) == float(t < turns ? 7 * at(t) : 0));
        CHECK(results.probe("run.sevenfold").at<float>({r, t}) == float(t < turns ? 7 * at(t) : 0));
      }
      float a = pair.at<float>({r, 0}), b = pair.at<float>({r, 1});
      for (std::int64_t t = 0; t < turns; ++t) std::swap(a += 1, b);
      CHECK(results[1].at<float>({r, 0}) == a);
      CHECK(results[1].at<float>({r, 1}) == b);
    }
  }
}

using writer = nn::greedy_decoder<test::step, test::start, test::stop>;

}  // namespace

TEST_CASE("a loop stops when its last row does, or at its limit") {
  for (const Options& way : every_way()) {
    CAPTURE(way.target);
    CAPTURE(way.fusion);
    Session session = collatz_program(way).bind(formula_checkpoint({}), 1);
    check_collatz(session, 20, {6, 1, 8, 5});  // 8 turns
    check_collatz(session, 20, {13, 2});       // 9
    check_collatz(session, 20, {27, 18, 4});   // the limit
    check_collatz(session, 21, {6});           // 8 of an odd limit
    check_collatz(session, 8, {6});            // 8 of 8
    check_collatz(session, 1, {1});
  }
}

TEST_CASE("a loop runs in every step of a scan") {
  for (const Options& way : every_way()) {
    CAPTURE(way.target);
    CAPTURE(way.fusion);
    Session session = test::bound<collatz_of_each, test::Tokens, tensor<i64>>(way);
    const Results results =
        session.run(whole_numbers({4, 2}, {6, 3, 27, 2, 8, 16, 1, 4}), whole_numbers({}, {3}));
    CHECK(
        std::ranges::equal(results[1].as<std::int64_t>(), std::vector<std::int64_t>{8, 111, 4, 2}));
    CHECK(results[0].as<std::int64_t>()[0] == 125);
  }
}

TEST_CASE("a program writes what the greedy search around its step writes, its cache in place") {
  for (const Options& way : every_way()) {
    CAPTURE(way.target);
    CAPTURE(way.fusion);
    Session inside = test::bound<writer, test::KeysAndValues, test::Read, test::Lengths>(way);
    const test::Around around(way);
    for (const std::int64_t capacity : {40, 7, 1})
      test::check_written(around, inside, capacity, {}, [](const auto&... network_and_limits) {
        return greedy(network_and_limits...);
      });
  }
}
