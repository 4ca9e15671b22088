// Beam search inside a program: what beam_search() of runtime/decoding.h finds around a step
// program, what one beam has of greedy decoding, and the edges.
#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "../runtime/must_throw.h"
#include "attention_oracle.h"
#include "heed/dsl/load.h"
#include "heed/dsl/nn/beam_search.h"
#include "written.h"

using namespace heed;

namespace {

template <std::int64_t Beams>
using CacheOfBeams =
    tensor<f32, test::network.decoders, Beams * dim("B"), dim("C"), 2 * test::network.features>;
template <std::int64_t Beams>
using searcher = nn::beam_decoder<test::step, test::start, test::stop, Beams>;

std::vector<Options> ways_to_search() {
  std::vector<Options> list;
  for (const std::string& target : oracle::targets({"host", "x86-64-avx2", "x86-64", "reference"}))
    for (const char* fusion : {"all", "none"})
      if (target == "host" || std::string(fusion) == "all") {
        list.emplace_back();
        list.back().target = target;
        list.back().fusion = fusion;
        list.back().threads = 1;
      }
  return list;
}

template <std::int64_t Beams>
Session searching(const Options& way) {
  return test::bound<searcher<Beams>, CacheOfBeams<Beams>, tensor<f32>, test::Read, test::Lengths>(
      way);
}
Tensor empty_rows(std::int64_t rows, std::int64_t capacity) {
  return Tensor(DType::f32, {test::network.decoders, rows, capacity, 2 * test::network.features});
}
Tensor penalty_of(double penalty) {
  return Tensor::of<float>(DType::f32, {}, std::vector{float(penalty)});
}

// What a search in a program found for input b is what the one around its step did.
void check_found(const Results& found, std::int64_t b, const std::vector<Sequence>& expected) {
  const std::int64_t beams = found[0].sizes()[1], capacity = found[0].sizes()[2];
  for (std::int64_t k = 0; k < beams; ++k) {
    CAPTURE(b);
    CAPTURE(k);
    const float log_probability = found[2].at<float>({b, k});
    if (k >= std::int64_t(expected.size())) {
      CHECK(std::isinf(log_probability));
      CHECK(!found[1].at<bool>({b, k}));
    }
    const Sequence none{{}, -HUGE_VAL, true},
        &s = k < std::int64_t(expected.size()) ? expected[std::size_t(k)] : none;
    if (&s != &none) {
      CHECK(found[1].at<bool>({b, k}) == !s.stopped);
      CHECK(log_probability == doctest::Approx(s.log_probability).epsilon(1e-4));
    }
    for (std::int64_t t = 0; t < capacity; ++t)
      CHECK(found[0].at<std::int64_t>({b, k, t}) ==
            (t < std::int64_t(s.tokens.size()) ? s.tokens[std::size_t(t)] : test::stop));
  }
}

// Searches around a step program and inside the program, the same; returns the lengths of what was
// found.
template <std::int64_t Beams>
std::vector<std::size_t> check_searched(const test::Around& around, const Session& step,
                                        Session& inside, std::int64_t capacity, double penalty) {
  constexpr std::int64_t rows = test::Around::rows * Beams;
  StepProgram::Memory memory;
  memory.caches.push_back(empty_rows(rows, capacity));
  memory.held.push_back(repeated_rows(around.memory, Beams, 1));
  memory.held.push_back(repeated_rows(around.lengths, Beams));
  StepProgram program(step.sibling(1), std::move(memory), rows);
  const auto expected = beam_search(program.next_token(), test::Around::rows,
                                    {test::start, test::stop, capacity}, {Beams, penalty});
  Tensor cache = empty_rows(rows, capacity);
  std::ranges::fill(cache.as<float>(), 1e3f);  // does not matter
  const Results found = inside.run(cache, penalty_of(penalty), around.memory, around.lengths);
  CHECK(found[3].as<std::int64_t>()[0] == program.position());
  std::vector<std::size_t> lengths;
  for (std::int64_t b = 0; b < test::Around::rows; ++b) {
    check_found(found, b, expected[std::size_t(b)]);
    for (const Sequence& s : expected[std::size_t(b)]) lengths.push_back(s.tokens.size());
  }
  return lengths;
}

}  // namespace

TEST_CASE("a program finds what beam search around its step finds, inputs ending one by one") {
  for (const Options& way : ways_to_search()) {
    CAPTURE(way.target);
    CAPTURE(way.fusion);
    const test::Around around(way);
    const Session step = test::bound<test::step, test::Lengths, test::Lengths, test::KeysAndValues,
                                     test::Read, test::Lengths>(way);
    Session three = searching<3>(way);
    std::vector<std::size_t> lengths;
    for (const double penalty : {0.0, 0.7})
      for (const std::int64_t capacity : {40, 7, 1}) {
        const auto some = check_searched<3>(around, step, three, capacity, penalty);
        lengths.insert(lengths.end(), some.begin(), some.end());
      }
    std::ranges::sort(lengths);
    lengths.erase(std::ranges::unique(lengths).begin(), lengths.end());
    for (auto l : lengths) std::printf(" %zu", l);
    std::puts("");
    CHECK(lengths.size() > 3);
  }
}
