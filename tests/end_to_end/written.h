// A small Transformer's translations, written inside one run of a program against those that a
// search around its step program writes.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "heed/dsl/load.h"
#include "heed/dsl/nn/translation.h"
#include "heed/runtime/formula.h"
#include "heed/runtime/step_program.h"

namespace heed::test {

inline constexpr nn::TranslationSize network{48, 3, 80, 1, 2, 20, 17};
inline constexpr std::int64_t start = 1, stop = 0;
using Tokens = tensor<i64, dim("B"), dim("S")>;
using Lengths = tensor<i64, dim("B")>;
using KeysAndValues = tensor<f32, network.decoders, dim("B"), dim("C"), 2 * network.features>;
using Read = tensor<f32, network.decoders, dim("B"), dim("S"), 2 * network.features>;
using step = nn::translation_step<network>;

// With weights by a formula, on one thread.
template <class Model, class... Inputs>
Session bound(const Options& options) {
  const Program program = load<Model, Inputs...>(options);
  return program.bind(formula_checkpoint(program.parameters()), 1);
}

// Five texts of different lengths, read, and the program of a step.
class Around {
 public:
  static constexpr std::int64_t rows = 5, source = 9;

  explicit Around(const Options& options)
      : lengths(DType::i64, {rows}),
        step_(bound<step, Lengths, Lengths, KeysAndValues, Read, Lengths>(options)) {
    Tensor tokens(DType::i64, {rows, source});
    for (std::int64_t r = 0; r < rows; ++r) {
      lengths.at<std::int64_t>({r}) = source - r;
      for (std::int64_t i = 0; i < source; ++i)
        tokens.at<std::int64_t>({r, i}) = (7 * r + 3 * i) % network.source_tokens;
    }
    Session reader = bound<nn::translation_reader<network>, Tokens, Lengths>(options);
    memory = Tensor(reader.run(tokens, lengths)).copy();
  }

  static Tensor empty_cache(std::int64_t capacity, std::int64_t beams = 1) {
    return Tensor(DType::f32, {network.decoders, rows * beams, capacity, 2 * network.features});
  }
  StepProgram steps(std::int64_t capacity, std::int64_t beams = 1) const {
    StepProgram::Memory held;
    held.caches.push_back(empty_cache(capacity, beams));
    held.held.push_back(repeated_rows(memory, beams, 1));
    held.held.push_back(repeated_rows(lengths, beams));
    return StepProgram(step_.sibling(1), std::move(held), rows * beams);
  }

  Tensor lengths, memory;

 private:
  Session step_;
};

// `inside`, which takes a cache, the settings, memory and lengths, writes what the search around
// the step program writes, its cache in place. Returns how many tokens each row has.
template <class Search>
std::vector<std::size_t> check_written(const Around& around, Session& inside, std::int64_t capacity,
                                       std::vector<Tensor> settings, Search search) {
  StepProgram program = around.steps(capacity);
  const std::vector<Sequence> expected =
      search(program.next_token(), Around::rows, DecodingLimits{start, stop, capacity});
  Tensor cache = Around::empty_cache(capacity), memory = around.memory.copy(),
         lengths = around.lengths.copy();
  std::ranges::fill(cache.as<float>(), 1e3f);  // does not matter
  REQUIRE(inside.program().data().updates.size() == 1);
  std::vector<Tensor*> inputs{&cache};
  for (Tensor& setting : settings) inputs.push_back(&setting);
  inputs.insert(inputs.end(), {&memory, &lengths});
  const Results written = inside.run_in_place(inputs);
  CHECK(written[1].data() == cache.data());
  std::vector<std::size_t> tokens;
  std::size_t longest = 0;
  for (std::int64_t r = 0; r < Around::rows; ++r) {
    const Sequence& row = expected[std::size_t(r)];
    tokens.push_back(row.tokens.size());
    longest = std::max(longest, row.tokens.size() + row.stopped);
    CHECK(written[2].at<bool>({r}) == !row.stopped);
    CHECK(written[3].at<float>({r}) == doctest::Approx(row.log_probability).epsilon(1e-4));
    for (std::int64_t t = 0; t < capacity; ++t)
      CHECK(written[0].at<std::int64_t>({r, t}) ==
            (t < std::int64_t(row.tokens.size()) ? row.tokens[std::size_t(t)] : stop));
  }
  CHECK(written[4].as<std::int64_t>()[0] == std::int64_t(longest));
  return tokens;
}

}  // namespace heed::test
