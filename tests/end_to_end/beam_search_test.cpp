// Beam search inside a program: what beam_search() of runtime/decoding.h finds around a step
// program, what one beam has of greedy decoding, and the edges.
#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "../runtime/must_throw.h"
#include "heed/dsl/load.h"
#include "heed/dsl/nn/beam_search.h"
#include "ways.h"
#include "written.h"

using namespace heed;

namespace {

Tensor penalty_of(double penalty) {
  return Tensor::of<float>(DType::f32, {}, std::vector{float(penalty)});
}

// What a search in a program found for input b is what the one around its step did.
void check_found(const Results& found, std::int64_t b, const std::vector<Sequence>& expected) {
  CAPTURE(b);
  for (std::int64_t k = 0; k < found[0].sizes()[1]; ++k) {
    CAPTURE(k);
    const bool exists = k < std::int64_t(expected.size());
    const Sequence& s = exists ? expected[std::size_t(k)] : Sequence{{}, -HUGE_VAL, true};
    CHECK(found[1].at<bool>({b, k}) == !s.stopped);
    if (exists)
      CHECK(found[2].at<float>({b, k}) == doctest::Approx(s.log_probability).epsilon(1e-4));
    else CHECK(found[2].at<float>({b, k}) == -HUGE_VALF);
    for (std::int64_t t = 0; t < found[0].sizes()[2]; ++t)
      CHECK(found[0].at<std::int64_t>({b, k, t}) ==
            (t < std::int64_t(s.tokens.size()) ? s.tokens[std::size_t(t)] : test::stop));
  }
}

// A network that has read nothing but the last token: its logits are that row of a table.
struct bigram {
  constexpr auto operator()(expression auto token, expression auto, expression auto cache,
                            expression auto table) const {
    return parts{cache, gather(table, token)};
  }
};
using Table = tensor<f32, dim("V"), dim("V")>;
using RowsOfOne = tensor<f32, 1, dim("R"), dim("C"), 1>;

// What a search in the program and one around a table find for two inputs alike.
template <std::int64_t Beams>
void check_bigram(const Options& way, const Tensor& table, std::int64_t capacity, double penalty) {
  Session inside = test::bound<nn::beam_decoder<bigram, test::start, test::stop, Beams>, RowsOfOne,
                               tensor<f32>, Table>(way);
  const std::int64_t batch = 2, vocabulary = table.sizes()[0];
  std::vector<float> logits(std::size_t(batch * Beams * vocabulary));
  const NextToken around{[&](std::span<const std::int64_t> tokens) {
                           for (std::size_t r = 0; r < tokens.size(); ++r)
                             std::memcpy(&logits[r * std::size_t(vocabulary)],
                                         &table.at<float>({tokens[r], 0}),
                                         std::size_t(vocabulary) * sizeof(float));
                           return std::span<const float>(logits);
                         },
                         [](std::span<const std::int64_t>) {}};
  const auto expected =
      beam_search(around, batch, {test::start, test::stop, capacity}, {Beams, penalty});
  const Results found =
      inside.run(Tensor(DType::f32, {1, batch * Beams, capacity, 1}), penalty_of(penalty), table);
  for (std::int64_t b = 0; b < batch; ++b) check_found(found, b, expected[std::size_t(b)]);
}
Tensor table_of(std::int64_t vocabulary, float scale) {
  Tensor table(DType::f32, {vocabulary, vocabulary});
  formula_input("table", table.as<float>());
  for (float& logit : table.as<float>()) logit *= scale;
  return table;
}

}  // namespace

TEST_CASE("a program finds what beam search around its step finds, inputs ending one by one") {
  constexpr std::int64_t beams = 3, batch = test::Around::rows;
  using CacheOfBeams =
      tensor<f32, test::network.decoders, beams * dim("B"), dim("C"), 2 * test::network.features>;
  Options oracle;
  oracle.target = "reference";
  const test::Around around(oracle);
  for (const Options& way :
       oracle::ways({"host", "x86-64-avx2", "x86-64", "reference"}, {"host"})) {
    CAPTURE(way.target);
    CAPTURE(way.fusion);
    Session inside = test::bound<nn::beam_decoder<test::step, test::start, test::stop, beams>,
                                 CacheOfBeams, tensor<f32>, test::Read, test::Lengths>(way);
    std::vector<std::size_t> lengths;
    for (const double penalty : {0.0, 0.7})
      for (const std::int64_t capacity : {40, 7, 1}) {
        StepProgram program = around.steps(capacity, beams);
        const auto expected = beam_search(program.next_token(), batch,
                                          {test::start, test::stop, capacity}, {beams, penalty});
        Tensor cache = test::Around::empty_cache(capacity, beams);
        std::ranges::fill(cache.as<float>(), 1e3f);  // does not matter
        const Results found = inside.run(cache, penalty_of(penalty), around.memory, around.lengths);
        CHECK(found[3].as<std::int64_t>()[0] == program.position());
        for (std::int64_t b = 0; b < batch; ++b) {
          check_found(found, b, expected[std::size_t(b)]);
          for (const Sequence& s : expected[std::size_t(b)]) lengths.push_back(s.tokens.size());
        }
      }
    std::ranges::sort(lengths);
    lengths.erase(std::ranges::unique(lengths).begin(), lengths.end());
    CHECK(lengths.size() > 5);
  }
}

TEST_CASE("one beam is greedy decoding, bit for bit") {
  for (const Options& way : oracle::ways({"host", "reference"})) {
    CAPTURE(way.target);
    Session greedy =
                test::bound<nn::greedy_decoder<bigram, test::start, test::stop>, RowsOfOne, Table>(
                    way),
            beam = test::bound<nn::beam_decoder<bigram, test::start, test::stop, 1>, RowsOfOne,
                               tensor<f32>, Table>(way);
    for (const float scale : {0.5f, 3.0f}) {
      const Tensor table = table_of(83, scale), cache(DType::f32, {1, 1, 30, 1});
      const Results one = beam.run(cache, penalty_of(0), table), written = greedy.run(cache, table);
      const auto same = [](const Tensor& a, const Tensor& b) {
        REQUIRE(a.size_bytes() == b.size_bytes());
        return std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
      };
      CHECK(same(one[0], written[0]));
      CHECK(same(one[1], written[2]));
      CHECK(same(one[2], written[3]));
      CHECK(same(one[3], written[4]));
    }
  }
}

TEST_CASE("beams: of equals the first, more than there are tokens, tokens that cannot follow") {
  constexpr float never = -HUGE_VALF;
  for (const Options& way : oracle::ways({"host", "reference"})) {
    CAPTURE(way.target);
    Tensor equal(DType::f32, {3, 3}), only = table_of(3, 1);
    for (std::int64_t v = 0; v < 3; ++v) only.at<float>({v, 2}) = never;
    only.at<float>({2, 0}) = only.at<float>({2, 1}) = never;
    check_bigram<4>(way, equal, 3, 0);
    check_bigram<4>(way, only, 5, 1);
    check_bigram<4>(way, table_of(67, 4), 12, 0.5);
  }
}

TEST_CASE("beams: a penalty or logits that say nothing are refused by the run") {
  for (const Options& way : oracle::ways({"host", "reference"})) {
    CAPTURE(way.target);
    Session inside =
        test::bound<nn::beam_decoder<bigram, 1, 0, 2>, RowsOfOne, tensor<f32>, Table>(way);
    const Tensor cache(DType::f32, {1, 2, 9, 1});
    const auto refusal = [&](const Tensor& table, double penalty) {
      return testing::error_of([&] { inside.run(cache, penalty_of(penalty), table); });
    };
    const Tensor table = table_of(19, 1);
    CHECK(refusal(table, 0) == "");
    for (const double penalty : {-0.5, HUGE_VAL, double(NAN)})
      CHECK(refusal(table, penalty).find("expects a length penalty of 0 or more") !=
            std::string::npos);
    for (const float wrong : {NAN, HUGE_VALF}) {
      Tensor damaged = table.copy();
      damaged.at<float>({1, 7}) = wrong;
      CHECK(refusal(damaged, 0).find("expects logits without NaN") != std::string::npos);
      // What has ended reads Stop again, whose row is of no interest.
      damaged = table.copy();
      damaged.at<float>({0, 7}) = wrong;
      CHECK(refusal(damaged, 0) == "");
    }
  }
}
