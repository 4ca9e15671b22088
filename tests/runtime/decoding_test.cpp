// Searches against every sequence there is: small vocabularies, networks whose logits follow from
// what was read.
#include "heed/runtime/decoding.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>

#include "heed/runtime/formula.h"
#include "heed/runtime/step_program.h"
#include "must_throw.h"
#include "sample_program.h"

using namespace heed;

namespace {

constexpr std::int64_t stop = 2, start = 0;

// Logits after a row has read `prefix`, from a formula of the row's input and the prefix.
class Network {
 public:
  Network(std::size_t rows, std::size_t rows_per_input, std::size_t vocabulary)
      : read(rows),
        vocabulary_(vocabulary),
        per_input_(rows_per_input),
        logits_(rows * vocabulary) {}

  float logit(std::size_t input, const std::vector<std::int64_t>& prefix, std::size_t token) const {
    std::string name = std::to_string(input);
    for (const std::int64_t t : prefix) name += "." + std::to_string(t);
    return 2 * formula_value(name, token);
  }
  NextToken next() {
    return {[this](std::span<const std::int64_t> tokens) {
              REQUIRE(tokens.size() == read.size());
              for (std::size_t r = 0; r < tokens.size(); ++r) {
                read[r].push_back(tokens[r]);
                for (std::size_t v = 0; v < vocabulary_; ++v)
                  logits_[r * vocabulary_ + v] = logit(first_input + r / per_input_, read[r], v);
              }
              return std::span<const float>(logits_);
            },
            [this](std::span<const std::int64_t> from) {
              const auto before = read;
              for (std::size_t r = 0; r < read.size(); ++r) read[r] = before[std::size_t(from[r])];
            }};
  }
  double log_probability(std::size_t input, const std::vector<std::int64_t>& prefix,
                         std::int64_t token) const {
    double sum = 0;
    for (std::size_t v = 0; v < vocabulary_; ++v) sum += std::exp(double(logit(input, prefix, v)));
    return double(logit(input, prefix, std::size_t(token))) - std::log(sum);
  }

  std::vector<std::vector<std::int64_t>> read;
  std::size_t first_input = 0;  // the rows' own

 private:
  std::size_t vocabulary_, per_input_;
  std::vector<float> logits_;
};

// All sequences of an input that stop within `longest` tokens or are cut off there, best first:
// those that stop before the others, then by log probability / length^penalty.
std::vector<Sequence> all_sequences(const Network& network, std::size_t input,
                                    std::size_t vocabulary, std::int64_t longest, double penalty) {
  std::vector<Sequence> all;
  auto grow = [&](auto&& self, Sequence s) -> void {
    if (s.stopped || std::int64_t(s.tokens.size()) == longest) return all.push_back(s);
    std::vector<std::int64_t> prefix{start};
    prefix.insert(prefix.end(), s.tokens.begin(), s.tokens.end());
    for (std::int64_t token = 0; token < std::int64_t(vocabulary); ++token) {
      Sequence next = s;
      next.log_probability += network.log_probability(input, prefix, token);
      next.stopped = token == stop;
      if (!next.stopped) next.tokens.push_back(token);
      self(self, next);
    }
  };
  grow(grow, {});
  const auto score = [&](const Sequence& s) {
    return s.log_probability / std::pow(double(s.tokens.size() + s.stopped), penalty);
  };
  std::ranges::stable_sort(all, [&](const Sequence& a, const Sequence& b) {
    return a.stopped != b.stopped ? a.stopped : score(a) > score(b);
  });
  return all;
}

void check_equal(const Sequence& found, const Sequence& expected) {
  CHECK(found.tokens == expected.tokens);
  CHECK(found.stopped == expected.stopped);
  CHECK(found.log_probability == doctest::Approx(expected.log_probability).epsilon(1e-9));
}

}  // namespace

TEST_CASE("greedy takes the likeliest token until stop, row by row") {
  constexpr std::size_t rows = 9, vocabulary = 5;
  Network network(rows, 1, vocabulary);
  const auto found = greedy(network.next(), rows, {start, stop, 12});
  std::vector<std::size_t> lengths;
  for (std::size_t r = 0; r < rows; ++r) {
    Sequence expected;
    std::vector<std::int64_t> prefix{start};
    while (!expected.stopped && expected.tokens.size() < 12) {
      std::int64_t best = 0;
      for (std::int64_t v = 1; v < std::int64_t(vocabulary); ++v)
        if (network.logit(r, prefix, std::size_t(v)) > network.logit(r, prefix, std::size_t(best)))
          best = v;
      expected.log_probability += network.log_probability(r, prefix, best);
      expected.stopped = best == stop;
      if (!expected.stopped) expected.tokens.push_back(best);
      prefix.push_back(best);
    }
    check_equal(found[r], expected);
    lengths.push_back(found[r].tokens.size());
    // What a row reads once it has ended is stop.
    for (std::size_t t = found[r].tokens.size() + 1; t < network.read[r].size(); ++t)
      CHECK(network.read[r][t] == stop);
  }
  CHECK(std::ranges::adjacent_find(lengths, std::ranges::not_equal_to()) != lengths.end());
}

TEST_CASE("a beam as wide as all sequences ranks them all") {
  constexpr std::size_t vocabulary = 3, batch = 2;
  constexpr std::int64_t longest = 4, beams = 40;
  for (const double penalty : {0.0, 0.7, 1.5}) {
    Network network(batch * beams, beams, vocabulary);
    const auto found = beam_search(network.next(), batch, {start, stop, longest}, {beams, penalty});
    for (std::size_t b = 0; b < batch; ++b) {
      const auto all = all_sequences(network, b, vocabulary, longest, penalty);
      REQUIRE(found[b].size() == std::min(all.size(), std::size_t(beams)));
      for (std::size_t i = 0; i < found[b].size(); ++i) check_equal(found[b][i], all[i]);
    }
  }
}

TEST_CASE("one beam writes what greedy writes") {
  constexpr std::size_t rows = 9, vocabulary = 5;
  Network network(rows, 1, vocabulary), again(rows, 1, vocabulary);
  const auto beams = beam_search(network.next(), rows, {start, stop, 12}, {1, 0});
  const auto found = greedy(again.next(), rows, {start, stop, 12});
  for (std::size_t r = 0; r < rows; ++r) {
    REQUIRE(beams[r].size() == 1);
    check_equal(beams[r][0], found[r]);
  }
}

TEST_CASE("narrow beams keep what a search by hand keeps") {
  constexpr std::size_t vocabulary = 4, batch = 5;
  constexpr std::int64_t longest = 6;
  for (const std::int64_t beams : {1, 2, 3}) {
    Network network(batch * std::size_t(beams), std::size_t(beams), vocabulary);
    const auto found = beam_search(network.next(), batch, {start, stop, longest}, {beams, 0});
    for (std::size_t b = 0; b < batch; ++b) {
      // To the limit, without an early end.
      std::vector<Sequence> live(1), complete;
      for (std::int64_t step = 0; step < longest; ++step) {
        std::vector<Sequence> longest_yet, next;
        for (const Sequence& s : live) {
          std::vector<std::int64_t> prefix{start};
          prefix.insert(prefix.end(), s.tokens.begin(), s.tokens.end());
          for (std::int64_t token = 0; token < std::int64_t(vocabulary); ++token) {
            Sequence longer = s;
            longer.log_probability += network.log_probability(b, prefix, token);
            longer.stopped = token == stop;
            if (!longer.stopped) longer.tokens.push_back(token);
            longest_yet.push_back(longer);
          }
        }
        const auto likelier = [](const Sequence& x, const Sequence& y) {
          return x.log_probability > y.log_probability;
        };
        std::ranges::stable_sort(longest_yet, likelier);
        for (std::size_t i = 0; i < longest_yet.size(); ++i)
          if (!longest_yet[i].stopped) next.push_back(longest_yet[i]);
          else if (i < std::size_t(beams)) complete.push_back(longest_yet[i]);
        next.resize(std::min(next.size(), std::size_t(beams)));
        live = next;
        std::ranges::stable_sort(complete, likelier);
      }
      complete.insert(complete.end(), live.begin(), live.end());
      REQUIRE(found[b].size() == std::size_t(beams));
      for (std::size_t i = 0; i < found[b].size(); ++i) check_equal(found[b][i], complete[i]);
    }
  }
}

TEST_CASE("samples have the network's probabilities, and a seed repeats them") {
  constexpr std::size_t rows = 6000, vocabulary = 4;
  constexpr std::int64_t longest = 3;
  struct Setting {
    Sampling how;
    std::size_t most;  // tokens that are possible in a step
  };
  for (const Setting& setting : {Setting{{1, 0, 1, 7}, 4},
                                 {{0.5, 0, 1, 8}, 4},
                                 {{1, 2, 1, 9}, 2},
                                 {{1, 0, 0.6, 10}, 4},
                                 {{2, 3, 0.7, 11}, 3}}) {
    Network network(rows, rows, vocabulary);
    const auto found = sample(network.next(), rows, {start, stop, longest}, setting.how);
    Network again(rows, rows, vocabulary);
    const auto repeated = sample(again.next(), rows, {start, stop, longest}, setting.how);
    for (std::size_t r = 0; r < rows; ++r) REQUIRE(found[r].tokens == repeated[r].tokens);
    // The first two tokens against what is possible, by hand.
    const auto possible = [&](const std::vector<std::int64_t>& prefix) {
      std::vector<std::pair<double, std::int64_t>> all;
      for (std::int64_t v = 0; v < std::int64_t(vocabulary); ++v)
        all.emplace_back(
            std::exp(double(network.logit(0, prefix, std::size_t(v))) / setting.how.temperature),
            v);
      std::ranges::sort(all, std::greater());
      if (setting.how.top_k) all.resize(std::size_t(setting.how.top_k));
      double sum = 0, reached = 0;
      for (const auto& [weight, v] : all) sum += weight;
      std::map<std::int64_t, double> kept;
      for (const auto& [weight, v] : all) {
        if (reached >= setting.how.top_p * sum) break;
        reached += weight;
        kept[v] = weight;
      }
      for (auto& [v, weight] : kept) weight /= reached;
      return kept;
    };
    std::map<std::vector<std::int64_t>, double> expected;
    for (const auto& [a, pa] : possible({start})) {
      if (a == stop) expected[{a}] += pa;
      else
        for (const auto& [b, pb] : possible({start, a})) expected[{a, b}] += pa * pb;
    }
    std::map<std::vector<std::int64_t>, double> counted;
    for (const Sequence& s : found) {
      std::vector<std::int64_t> tokens = s.tokens;
      if (s.stopped) tokens.push_back(stop);
      tokens.resize(std::min<std::size_t>(tokens.size(), 2));
      counted[tokens] += 1.0 / rows;
    }
    for (const auto& [tokens, share] : counted) REQUIRE(expected.contains(tokens));
    for (const auto& [tokens, share] : expected)
      CHECK(counted[tokens] == doctest::Approx(share).scale(1).epsilon(0.025));
    CHECK(possible({start}).size() <= setting.most);
  }
}

TEST_CASE("a row's sample depends on no other row") {
  Network alone(1, 1, 4), among(5, 5, 4);
  const Sampling how{1, 0, 1, 3};
  CHECK(sample(alone.next(), 1, {start, stop, 8}, how)[0].tokens ==
        sample(among.next(), 5, {start, stop, 8}, how)[0].tokens);
}

TEST_CASE("settings that make no sense are refused") {
  Network network(2, 1, 4);
  testing::check_error([&] { greedy(network.next(), 0, {start, stop, 3}); }, {"rows is 0"});
  testing::check_error([&] { greedy(network.next(), 2, {start, stop, 0}); }, {"longest is 0"});
  testing::check_error([&] { greedy(network.next(), 2, {start, 4, 3}); },
                       {"stop is 4, the network knows tokens 0 to 3"});
  testing::check_error([&] { sample(network.next(), 2, {start, stop, 3}, {0, 0, 1, 0}); },
                       {"temperature"});
  testing::check_error([&] { sample(network.next(), 2, {start, stop, 3}, {1, -1, 1, 0}); },
                       {"top_k is -1"});
  testing::check_error([&] { sample(network.next(), 2, {start, stop, 3}, {1, 0, 1.5, 0}); },
                       {"top_p"});
  testing::check_error([&] { beam_search(network.next(), 1, {start, stop, 3}, {0, 0}); },
                       {"beams is 0"});
  const std::vector<float> logits{1, 2, NAN, 1, 2, 3, 4};
  const NextToken wrong{[&](std::span<const std::int64_t>) { return std::span(logits); }, {}};
  testing::check_error([&] { greedy(wrong, 2, {start, 0, 3}); }, {"7 logits for 2 rows"});
  testing::check_error([&] { greedy(wrong, 1, {start, 0, 3}); },
                       {"a logit of row 0 is NaN at step 0"});
  testing::check_error([&] { sample(wrong, 1, {start, 0, 3}, {}); }, {"row 0 is NaN at step 0"});
  testing::check_error([&] { beam_search(wrong, 1, {start, 0, 3}, {1, 0}); },
                       {"needs NextToken::reorder"});
  testing::check_error([&] { greedy({}, 1, {start, 0, 3}); }, {"needs NextToken::step"});
  testing::check_error([&] { greedy(network.next(), 2, {start, stop, INT64_MAX}); },
                       {"9223372036854775807 tokens for each of 2 rows"});
  for (const double infinite : {HUGE_VAL, -HUGE_VAL}) {
    const std::vector<float> most{float(infinite), -HUGE_VALF};
    const NextToken without{[&](std::span<const std::int64_t>) { return std::span(most); }, {}};
    testing::check_error([&] { greedy(without, 1, {start, 0, 3}); }, {"must be finite"});
  }
}

namespace {

// The same logits for all rows, whatever they have read.
NextToken always(const std::vector<float>& logits, std::size_t rows) {
  auto all = std::make_shared<std::vector<float>>();
  for (std::size_t r = 0; r < rows; ++r) all->insert(all->end(), logits.begin(), logits.end());
  return {[all](std::span<const std::int64_t>) { return std::span<const float>(*all); },
          [](std::span<const std::int64_t>) {}};
}
std::vector<std::vector<std::int64_t>> tokens_of(const std::vector<Sequence>& sequences) {
  std::vector<std::vector<std::int64_t>> all;
  for (const Sequence& s : sequences) all.push_back(s.tokens);
  return all;
}

}  // namespace

TEST_CASE("beams: of equals the first, more beams than there are tokens, a single token") {
  using Tokens = std::vector<std::vector<std::int64_t>>;
  const std::vector<float> equal{1, 1, 1};
  // by hand: two beams begin with 0 and 1; of three [] stops at once, then [0], and [0 0] is cut off
  const auto two = beam_search(always(equal, 2), 1, {start, stop, 2}, {2, 0}),
             three = beam_search(always(equal, 3), 1, {start, stop, 2}, {3, 0});
  CHECK(tokens_of(two[0]) == Tokens{{0, 0}, {0, 1}});
  CHECK(tokens_of(three[0]) == Tokens{{}, {0}, {0, 0}});
  CHECK(greedy(always(equal, 1), 1, {start, stop, 3})[0].tokens == Tokens{{0, 0, 0}}[0]);
  // one token long: stop, then what the limit cuts off, in order
  const auto one = beam_search(always({0, 1, 2}, 14), 2, {start, stop, 1}, {7, 0.5});
  REQUIRE(one.size() == 2);
  for (const auto& sequences : one) {
    CHECK(tokens_of(sequences) == Tokens{{}, {1}, {0}});
    CHECK(sequences[0].stopped);
    CHECK(!sequences[1].stopped);
  }
  // what cannot follow is no sequence
  constexpr float never = -HUGE_VALF;
  const auto only = beam_search(always({never, never, 0}, 4), 1, {start, stop, 5}, {4, 0});
  CHECK(tokens_of(only[0]) == Tokens{{}});
}

TEST_CASE("inputs of a batch that end at different times are those searched alone") {
  constexpr std::size_t vocabulary = 4, batch = 6;
  constexpr std::int64_t beams = 2, longest = 9;
  Network together(batch * beams, beams, vocabulary);
  const auto found = beam_search(together.next(), batch, {start, stop, longest}, {beams, 0});
  std::vector<std::size_t> lengths;
  for (std::size_t b = 0; b < batch; ++b) {
    Network alone(beams, beams, vocabulary);
    alone.first_input = b;
    const auto expected = beam_search(alone.next(), 1, {start, stop, longest}, {beams, 0});
    REQUIRE(found[b].size() == expected[0].size());
    for (std::size_t i = 0; i < found[b].size(); ++i) check_equal(found[b][i], expected[0][i]);
    lengths.push_back(alone.read[0].size());  // steps until it was decided
  }
  CHECK(std::ranges::adjacent_find(lengths, std::ranges::not_equal_to()) != lengths.end());
}

TEST_CASE("a step program says what does not fit it") {
  const Session session =
      Program(testing::sample_program(), 1).bind(testing::sample_checkpoint());
  const auto states = [](std::size_t count) {
    StepProgram::Memory memory;
    for (std::size_t n = 0; n < count; ++n) memory.states.emplace_back(DType::f32, Sizes{2, 3});
    return memory;
  };
  testing::check_error([&] { StepProgram(session.sibling(1), states(1), 2); },
                       {"'Sample' reads 1 tensors", "are 2"});
  abi::Program two = testing::sample_program();
  two.inputs.push_back({"state", two.inputs[0].type});
  testing::check_error(
      [&] { StepProgram(Program(two, 1).bind(testing::sample_checkpoint()), states(1), 2); },
      {"'Sample' returns 1 tensors; states, caches and logits are 2"});
  StepProgram program(session.sibling(1), {}, 2);
  const std::vector<std::int64_t> one{0}, outside{0, 2};
  testing::check_error([&] { program.step(one); }, {"1 tokens were given for 2 rows"});
  testing::check_error([&] { program.reorder(one); }, {"1 rows were given to reorder 2"});
  testing::check_error([&] { program.reorder(outside); }, {"row 1 is to go on from row 2 of 2"});
}
