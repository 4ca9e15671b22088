// NaN reaches every result that is made of it and no other, on all targets and at both ends of
// fusion: whatever went wrong in a network is seen behind it.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "attention_oracle.h"
#include "heed/dsl/dsl.h"
#include "heed/dsl/load.h"
#include "heed/runtime/formula.h"
#include "heed/runtime/session.h"

using namespace heed;
using heed::oracle::formula_tensor;

namespace {

constexpr dim B{"B"}, Q{"Q"}, K{"K"};
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN(),
                endless = std::numeric_limits<float>::infinity();

struct row_softmax {
  constexpr auto operator()(expression auto x) const { return softmax<-1>(x); }
};
struct causal_attention {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    auto seen = where(position<-1>() <= position<-2>(), matmul(q, transpose(k)), minus_infinity);
    return matmul(softmax<-1>(seen), v);
  }
};
struct extremes {
  constexpr auto operator()(expression auto x, expression auto y) const {
    return parts{maximum(x, scalar<0>), minimum(scalar<0>, x), maximum(x, y), minimum(y, x),
                 relu(x)};
  }
};

// Calls `check` with a session for each target, fused and not.
template <class Model, class... Inputs>
void each_target(const std::function<void(Session&)>& check) {
  const std::vector<std::string> targets{"host", "x86-64-avx2", "x86-64", "reference"};
  for (const Options& way : oracle::ways(targets, targets)) {
    CAPTURE(way.target);
    CAPTURE(way.fusion);
    Session session = load<Model, Inputs...>(way).bind(formula_checkpoint({}));
    check(session);
  }
}

// Which rows of `features` elements hold a NaN; all of their elements do, or none.
std::vector<bool> lost_rows(const Tensor& t, std::int64_t features) {
  std::vector<bool> rows;
  const auto elements = t.as<float>();
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const bool lost = std::isnan(elements[i]);
    if (i % std::size_t(features) == 0) rows.push_back(lost);
    else CHECK(bool(rows.back()) == lost);
  }
  return rows;
}

}  // namespace

TEST_CASE("softmax of a row with NaN, with infinity and with nothing but minus infinity") {
  const std::int64_t columns = 37;
  Tensor x(DType::f32, {4, columns});
  x.at<float>({0, 20}) = not_a_number;
  x.at<float>({1, 36}) = endless;
  for (std::int64_t c = 0; c < columns; ++c) x.at<float>({2, c}) = -endless;
  each_target<row_softmax, tensor<f32, B, columns>>([&](Session& session) {
    const Tensor y = session.run(x);
    CHECK(lost_rows(y, columns) == std::vector<bool>{true, true, false, false});
    CHECK(y.at<float>({2, 5}) == 0);
    CHECK(y.at<float>({3, 5}) == doctest::Approx(1.0 / columns));
  });
}

TEST_CASE("attention to a key that is NaN, by queries that see it and others") {
  const std::int64_t tokens = 70, features = 8, at = 33;
  const Tensor q = formula_tensor("q", {1, tokens, features}), v = formula_tensor("v", q.sizes());
  Tensor k = formula_tensor("k", q.sizes());
  k.at<float>({0, at, 3}) = not_a_number;
  std::vector<bool> expected(std::size_t(tokens), false);
  for (std::int64_t token = at; token < tokens; ++token) expected[std::size_t(token)] = true;
  using Keys = tensor<f32, B, K, features>;
  each_target<causal_attention, tensor<f32, B, Q, features>, Keys, Keys>(
      [&](Session& session) { CHECK(lost_rows(session.run(q, k, v), features) == expected); });
}

TEST_CASE("the larger and the smaller of NaN and another number") {
  const std::int64_t n = 35;
  Tensor x(DType::f32, {n}), y(DType::f32, {n});
  for (const std::int64_t i : {0, 20, 34}) x.at<float>({i}) = not_a_number;
  for (const std::int64_t i : {1, 20, 33}) y.at<float>({i}) = not_a_number;
  each_target<extremes, tensor<f32, Q>, tensor<f32, Q>>([&](Session& session) {
    const Results results = session.run(x, y);
    for (std::size_t r = 0; r < results.size(); ++r)
      for (std::int64_t i = 0; i < n; ++i) {
        const bool of_y = (r == 2 || r == 3) && std::isnan(y.at<float>({i}));
        CAPTURE(r);
        CAPTURE(i);
        CHECK(std::isnan(results[r].at<float>({i})) == (of_y || std::isnan(x.at<float>({i}))));
      }
  });
}
