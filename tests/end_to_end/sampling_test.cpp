// Random numbers and draws in the language: known answers on every target, and what sample() of
// runtime/decoding.h draws around a step program.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "attention_oracle.h"
#include "../runtime/must_throw.h"
#include "heed/dsl/load.h"
#include "heed/dsl/nn/decoding.h"
#include "heed/runtime/error.h"
#include "heed/runtime/philox.h"
#include "written.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, V{"V"};
constexpr double infinite = std::numeric_limits<double>::infinity();

// Words and uniform numbers of one seed at many counters, and of many seeds.
struct numbers {
  constexpr auto operator()(expression auto seed, expression auto c0, expression auto c1) const {
    auto words = random<i32>(seed, c0, c1);
    return parts{words, random<f32>(seed, c0, c1),
                 random<f32>(words, cast<i32>(position<-1>()), cast<i32>(c1))};
  }
};

std::vector<Options> every_way() {
  return oracle::ways({"host", "x86-64-avx2", "x86-64", "reference"}, {"host"});
}

// Settings of a run, and settings of the program.
struct draws {
  constexpr auto operator()(expression auto logits, expression auto seed, expression auto row,
                            expression auto step, expression auto temperature,
                            expression auto top_k, expression auto top_p) const {
    return parts{nn::sampled(logits, seed, row, step, temperature, top_k, top_p),
                 nn::sampled(logits, seed, row, step, scalar<0.5>, scalar<0>, scalar<1>),
                 nn::sampled(logits, seed, row, step, temperature, scalar<3>, scalar<0.75>)};
  }
};
Session draws_on(const Options& way) {
  return test::bound<draws, tensor<f32, B, V>, tensor<i64>, tensor<i64, B>, tensor<i64, B>,
                     tensor<f32>, tensor<i64>, tensor<f32>>(way);
}

template <class T>
Tensor number(DType dtype, T value) {
  return Tensor::of<T>(dtype, {}, std::vector{value});
}
std::vector<Tensor> tensors_of(const Sampling& how) {
  std::vector<Tensor> all;
  all.push_back(number<std::int64_t>(DType::i64, how.seed));
  all.push_back(number<float>(DType::f32, float(how.temperature)));
  all.push_back(number<std::int64_t>(DType::i64, how.top_k));
  all.push_back(number<float>(DType::f32, float(how.top_p)));
  return all;
}

// Rows and steps of a table of logits, one row of them for all or one for each.
struct Draws {
  Tensor logits, rows, steps;

  Draws(std::int64_t count, std::int64_t each, std::span<const float> scores, std::int64_t width)
      : logits(DType::f32, {count, width}), rows(DType::i64, {count}), steps(DType::i64, {count}) {
    for (std::int64_t n = 0; n < count; ++n) {
      rows.at<std::int64_t>({n}) = n % each;
      steps.at<std::int64_t>({n}) = n / each;
      for (std::int64_t v = 0; v < width; ++v)
        logits.at<float>({n, v}) =
            scores[std::size_t((n * width + v) % std::int64_t(scores.size()))];
    }
  }
  Results run(Session& session, const Sampling& how) const {
    const std::vector<Tensor> s = tensors_of(how);
    return session.run(logits, s[0], rows, steps, s[1], s[2], s[3]);
  }
  // How many tokens are not those that sample() of runtime/decoding.h draws.
  int differing(const Tensor& tokens, const Sampling& how) const {
    const std::int64_t count = logits.sizes()[0], each = 1 + rows.at<std::int64_t>({count - 1}),
                       width = logits.sizes()[1];
    const std::vector<Sequence> expected =
        sample({[&, step = std::int64_t(0)](std::span<const std::int64_t>) mutable {
                  return logits.as<float>().subspan(std::size_t(step++ * each * width),
                                                    std::size_t(each * width));
                },
                {}},
               each, {0, width - 1, count / each}, how);
    int different = 0;
    for (std::int64_t r = 0; r < each; ++r) {
      const Sequence& row = expected[std::size_t(r)];
      for (std::size_t t = 0; t < row.tokens.size() + row.stopped; ++t)
        different += tokens.at<std::int64_t>({std::int64_t(t) * each + r}) !=
                     (t < row.tokens.size() ? row.tokens[t] : width - 1);
    }
    return different;
  }
};

// Σ (counted - expected)² / expected of the tokens that settings leave; ∞ where another is drawn.
double chi_square(const Tensor& tokens, std::span<const float> scores, const Sampling& how) {
  std::vector<float> likeliest(scores.begin(), scores.end());
  std::ranges::sort(likeliest, std::greater());
  if (how.top_k) likeliest.resize(std::size_t(how.top_k));
  const auto weight = [&](float score) { return std::exp(double(score) / how.temperature); };
  double sum = 0, kept = 0;
  for (const float score : likeliest) sum += weight(score);
  float least = 0;
  for (const float score : likeliest)
    if (kept < how.top_p * sum) kept += weight(least = score);
  std::vector<double> counted(scores.size());
  for (const std::int64_t token : tokens.as<std::int64_t>()) ++counted[std::size_t(token)];
  double result = 0;
  for (std::size_t v = 0; v < scores.size(); ++v) {
    if (scores[v] < least && counted[v] > 0) return infinite;
    const double expected = double(tokens.count()) * weight(scores[v]) / kept;
    if (scores[v] >= least) result += (counted[v] - expected) * (counted[v] - expected) / expected;
  }
  return result;
}

using writer = nn::sampling_decoder<test::step, test::start, test::stop>;

// A network that says what it is told to: `first` at a row's first token, `later` behind it.
struct told {
  constexpr auto operator()(expression auto token, expression auto at, expression auto cache,
                            expression auto first, expression auto later) const {
    constexpr dim rows = size<0>(token);
    return parts{cache, where(reshape<rows, 1>(at) > scalar<0>, later, first)};
  }
};
using Told = tensor<f32, B, V>;
using Cache = tensor<f32, 1, B, 3, 1>;

}  // namespace

TEST_CASE("random numbers are Philox2x32-10's") {
  const std::vector<std::int64_t> seeds{0, 0xffffffff, 0x13198a2e, 0x7123456789abcdef, -5},
      firsts{0, -1, 0x243f6a88, 0x85a308d3, 17};
  constexpr std::int64_t n = 67;
  for (const Options& way : every_way()) {
    CAPTURE(way.target);
    CAPTURE(way.fusion);
    Session session =
        load<numbers, tensor<i64, B, 1>, tensor<i64, B, 1>, tensor<i64, B, V>>(way).bind(
            formula_checkpoint({}), 1);
    const auto rows = std::int64_t(seeds.size());
    Tensor seconds(DType::i64, {rows, n});
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t v = 0; v < n; ++v)
        seconds.at<std::int64_t>({r, v}) = v == 0   ? firsts[std::size_t(r)]
                                           : v == 1 ? 0x85a308d3
                                                    : v * v * 7919;
    const Results results =
        session.run(Tensor::of<std::int64_t>(DType::i64, {rows, 1}, seeds),
                    Tensor::of<std::int64_t>(DType::i64, {rows, 1}, firsts), seconds);
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t v = 0; v < n; ++v) {
        const auto second = std::uint32_t(seconds.at<std::int64_t>({r, v}));
        const std::uint32_t word = philox(std::uint32_t(seeds[std::size_t(r)]),
                                          std::uint32_t(firsts[std::size_t(r)]), second);
        REQUIRE(std::uint32_t(results[0].at<std::int32_t>({r, v})) == word);
        REQUIRE(double(results[1].at<float>({r, v})) == uniform(word));
        REQUIRE(double(results[2].at<float>({r, v})) ==
                uniform(philox(word, std::uint32_t(v), second)));
      }
  }
}

TEST_CASE("draws have the distribution that is asked for") {
  const std::vector<float> scores{0.5f, -1, 2, 0, 1.25f, -0.25f, 1.5f, -3};
  const Draws table(100000, 500, scores, 8);
  Session session = draws_on(every_way()[0]);
  for (const Sampling& how :
       {Sampling{1, 0, 1, 1}, {0.7, 5, 1, 2}, {1, 0, 0.8, 3}, {1.5, 6, 0.9, 4}}) {
    CAPTURE(how.seed);
    const Results drawn = table.run(session, how);
    // of at most 7 degrees of freedom above 29.9 one time in ten thousand
    CHECK(chi_square(drawn[0], scores, how) < 29.9);
    CHECK(chi_square(drawn[1], scores, {0.5, 0, 1, 0}) < 29.9);
    CHECK(chi_square(drawn[2], scores, {how.temperature, 3, 0.75, 0}) < 29.9);
    CHECK(table.differing(drawn[0], how) <= 2);  // where two scores agree in all of f32's digits
  }
}

TEST_CASE("draws are those of sample() beside the program") {
  std::vector<float> scores(40 * 331);
  formula_input("scores", scores);
  for (float& score : scores) score *= 6;
  const Draws table(40, 8, scores, 331);
  for (const Options& way : every_way()) {
    CAPTURE(way.target);
    CAPTURE(way.fusion);
    Session session = draws_on(way);
    for (const Sampling& how : {Sampling{1, 0, 1, 5},
                                {0.8, 20, 1, 0xfedcba98},
                                {1.3, 0, 0.7, 7},
                                {2, 100, 0.5, 8},
                                {1, 1000, 0.999, 9}}) {
      CAPTURE(how.seed);
      const Results drawn = table.run(session, how);
      CHECK(table.differing(drawn[0], how) == 0);
      CHECK(table.differing(drawn[1], {0.5, 0, 1, how.seed}) == 0);
      CHECK(table.differing(drawn[2], {how.temperature, 3, 0.75, how.seed}) == 0);
    }
    // at their limits settings leave the likeliest token
    for (const Sampling& how : {Sampling{1, 1, 1, 5}, {1, 0, 1e-6, 6}, {1e-5, 0, 1, 7}}) {
      const Results drawn = table.run(session, how);
      for (std::int64_t n = 0; n < 40; ++n) {
        const auto row = table.logits.as<float>().subspan(std::size_t(n * 331), 331);
        CHECK(drawn[0].at<std::int64_t>({n}) == std::ranges::max_element(row) - row.begin());
      }
    }
  }
}

TEST_CASE("equals of the last token that is kept are kept") {
  const std::vector<float> scores{1, 3, 2, 3, 2, 0};
  const Draws table(600, 100, scores, 6);
  Session session = draws_on(every_way()[0]);
  for (const Sampling& how : {Sampling{1, 3, 1, 1}, {1, 0, 0.75, 2}}) {
    const Results drawn = table.run(session, how);
    CHECK(table.differing(drawn[0], how) == 0);
    std::vector<int> counted(6);
    for (const std::int64_t token : drawn[0].as<std::int64_t>()) ++counted[std::size_t(token)];
    CHECK(std::ranges::count(counted, 0) == 2);
    CHECK(std::min({counted[1], counted[2], counted[3], counted[4]}) > 0);
  }
}

TEST_CASE("settings that make no sense are refused by the run") {
  const Draws table(4, 4, std::vector<float>{1, 2, 3}, 3);
  for (const Options& way : every_way()) {
    CAPTURE(way.target);
    Session session = draws_on(way);
    const auto refusal = [&](const Sampling& how) -> std::string {
      try {
        table.run(session, how);
        return "";
      } catch (const Error& error) {
        return error.what();
      }
    };
    CHECK(refusal({1, 0, 1, 1}) == "");
    const auto expects = [](const char* what) {
      return "run: 'draws' expects " + std::string(what) + ", which does not hold in this run";
    };
    for (const double temperature : {0.0, -1.0, infinite, double(NAN)})
      CHECK(refusal({temperature, 0, 1, 1}) == expects("a finite temperature above 0"));
    CHECK(refusal({1, -1, 1, 1}) == expects("top-k of 0 (all tokens) or more"));
    for (const double share : {0.0, 1.5, double(NAN)})
      CHECK(refusal({1, 0, share, 1}) == expects("top-p above 0 and up to 1"));
  }
}

TEST_CASE("a program samples what sample() around its step writes, rows ending one by one") {
  for (const Options& way : every_way()) {
    if (way.fusion == "none") continue;  // the draws above are, the networks in other tests
    CAPTURE(way.target);
    Session inside = test::bound<writer, test::KeysAndValues, tensor<i64>, tensor<f32>, tensor<i64>,
                                 tensor<f32>, test::Read, test::Lengths>(way);
    const test::Around around(way);
    std::vector<std::size_t> lengths;
    for (const Sampling& how : {Sampling{1, 0, 1, 1}, {0.8, 5, 0.9, 2}, {3, 0, 0.6, 3}})
      for (const std::int64_t capacity : {40, 7}) {
        const auto ended =
            test::check_written(around, inside, capacity, tensors_of(how),
                                [&](const auto&... searched) { return sample(searched..., how); });
        lengths.insert(lengths.end(), ended.begin(), ended.end());
      }
    std::ranges::sort(lengths);
    lengths.erase(std::ranges::unique(lengths).begin(), lengths.end());
    CHECK(lengths.size() > 3);
  }
}

TEST_CASE("a program refuses logits that say nothing, in rows that go on") {
  constexpr float nothing = std::numeric_limits<float>::quiet_NaN(), inf = float(infinite);
  constexpr std::int64_t tokens = 20;  // whole vectors and some more
  for (const Options& way : every_way()) {
    CAPTURE(way.target);
    CAPTURE(way.fusion);
    Session greedily = test::bound<nn::greedy_decoder<told, 1, 0>, Cache, Told, Told>(way),
            sampling = test::bound<nn::sampling_decoder<told, 1, 0>, Cache, tensor<i64>,
                                   tensor<f32>, tensor<i64>, tensor<f32>, Told, Told>(way);
    const std::vector<Tensor> s = tensors_of({1, 0, 1, 1});
    const Tensor cache(DType::f32, {1, 2, 3, 1});
    // Row 0 ends with its first token, 0, row 1 goes on.
    Tensor first(DType::f32, {2, tokens});
    first.at<float>({0, 0}) = first.at<float>({1, 5}) = 60;
    const auto refusals = [&](std::int64_t row, float logit, std::int64_t from, std::int64_t to) {
      Tensor later = first.copy();
      for (std::int64_t v = from; v < to; ++v) later.at<float>({row, v}) = logit;
      int count = 0;
      for (const bool draws : {false, true}) {
        const std::string sentence = testing::error_of([&] {
          draws ? sampling.run(cache, s[0], s[1], s[2], s[3], first, later)
                : greedily.run(cache, first, later);
        });
        count += sentence.find("expects logits without NaN, the largest of them finite") !=
                 sentence.npos;
        CAPTURE(sentence);
        CHECK(sentence.empty() == (sentence.find("expects logits") == sentence.npos));
      }
      return count;
    };
    CHECK(refusals(0, nothing, 0, tokens) == 0);  // has ended
    CHECK(refusals(1, nothing, 0, tokens) == 2);
    for (std::int64_t v : {0, 5, 17}) CHECK(refusals(1, nothing, v, v + 1) == 2);
    CHECK(refusals(1, inf, 3, 4) == 2);
    CHECK(refusals(1, -inf, 0, tokens) == 2);
    CHECK(refusals(1, -inf, 6, tokens) == 0);
  }
}
