// Decoding with a cache of keys and values against the whole decoder, teacher forced: any batch,
// lengths and capacity through one program, at every fusion level and target; the searches over it.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "attention_oracle.h"
#include "heed/dsl/load.h"
#include "heed/dsl/nn/translation.h"
#include "heed/runtime/error.h"
#include "heed/runtime/formula.h"
#include "heed/runtime/step_program.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, S{"S"}, T{"T"}, C{"C"};
constexpr nn::TranslationSize small{48, 3, 80, 1, 2, 20, 17};
using Tokens = tensor<i64, B, S>;
using Lengths = tensor<i64, B>;

template <nn::TranslationSize N>
using Cache = tensor<f32, N.decoders, B, C, 2 * N.features>;
template <nn::TranslationSize N>
using Memory = tensor<f32, N.decoders, B, S, 2 * N.features>;

template <nn::TranslationSize N>
struct Programs {
  Program reader, step, forced;
  explicit Programs(const Options& options)
      : reader(load<nn::translation_reader<N>, Tokens, Lengths>(options)),
        step(
            load<nn::translation_step<N>, Lengths, Lengths, Cache<N>, Memory<N>, Lengths>(options)),
        forced(load<nn::forced_translation<N>, Tokens, Lengths, tensor<i64, B, T>>(options)) {}
};

Tensor tokens_of(const std::string& name, Sizes sizes, std::int64_t vocabulary) {
  Tensor tokens(DType::i64, sizes);
  for (std::size_t i = 0; i < std::size_t(tokens.count()); ++i)
    tokens.as<std::int64_t>()[i] =
        std::int64_t((double(formula_value(name, i)) + 1) / 2 * double(vocabulary));
  return tokens;
}

struct Case {
  std::int64_t batch, source, target, capacity;
};

// ‖stepwise - forced‖ / ‖forced‖ over all logits.
template <nn::TranslationSize N>
double difference(Session& reader, const Session& step, Session& forced, const Case& c) {
  const Tensor tokens = tokens_of("source", {c.batch, c.source}, N.source_tokens),
               given = tokens_of("target", {c.batch, c.target}, N.target_tokens);
  Tensor lengths(DType::i64, {c.batch});
  for (std::int64_t b = 0; b < c.batch; ++b)
    lengths.as<std::int64_t>()[std::size_t(b)] = std::max<std::int64_t>(1, c.source - 2 * b);
  const Tensor whole = forced.run(tokens, lengths, given);
  StepProgram::Memory memory;
  memory.caches.emplace_back(DType::f32, Sizes{N.decoders, c.batch, c.capacity, 2 * N.features});
  std::ranges::fill(memory.caches[0].as<float>(), 1e3f);  // what was not written is not seen
  memory.held.push_back(Tensor(reader.run(tokens, lengths)).copy());
  memory.held.push_back(lengths.copy());
  StepProgram program(step.sibling(1), std::move(memory), c.batch);
  double error = 0, norm = 0;
  std::vector<std::int64_t> column(static_cast<std::size_t>(c.batch));
  for (std::int64_t t = 0; t < c.target; ++t) {
    for (std::int64_t b = 0; b < c.batch; ++b)
      column[std::size_t(b)] = given.at<std::int64_t>({b, t});
    const Tensor& logits = program.step(column)[1];
    for (std::int64_t b = 0; b < c.batch; ++b)
      for (std::int64_t v = 0; v < N.target_tokens; ++v) {
        const double expected = double(whole.at<float>({b, t, v})),
                     e = double(logits.at<float>({b, v})) - expected;
        error += e * e;
        norm += expected * expected;
      }
  }
  return std::sqrt(error / norm);
}

}  // namespace

TEST_CASE("rows through a cache are those of the whole decoder") {
  std::vector<std::pair<std::string, std::string>> ways;
  for (const std::string& target : oracle::targets({"host", "reference"}))
    ways.emplace_back(target, "all");
  if (ways.size() > 1) ways.emplace_back("host", "none");
  for (const auto& [target, fusion] : ways) {
    Options options;
    options.target = target;
    options.fusion = fusion;
    const Programs<small> programs(options);
    Session reader = programs.reader.bind(formula_checkpoint(programs.reader.parameters())),
            step = programs.step.bind(formula_checkpoint(programs.step.parameters())),
            forced = programs.forced.bind(formula_checkpoint(programs.forced.parameters()));
    for (const Case& c : {Case{1, 7, 5, 5}, {2, 1, 1, 300}, {3, 21, 14, 24}}) {
      const double d = difference<small>(reader, step, forced, c);
      std::printf("target %s fusion %s, %ld x %ld to %ld of %ld: %.1e\n", target.c_str(),
                  fusion.c_str(), long(c.batch), long(c.source), long(c.target), long(c.capacity),
                  d);
      CHECK(d < 1e-5);
    }
  }
}
