// One program of a sequence model runs for every batch and every length of source and target,
// padded rows included: against the reference target, with no compiler at hand and in constant
// memory.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include "../runtime/must_throw.h"
#include "../runtime/random.h"
#include "../runtime/temporary.h"
#include "attention_oracle.h"
#include "heed/dsl/nn/bahdanau_attention.h"
#include "heed/dsl/nn/encoder_decoder.h"
#include "heed/dsl/nn/positions.h"
#include "heed/dsl/nn/recurrent.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, S{"S"}, T{"T"};
constexpr std::int64_t features = 96;

struct small_transformer {
  sub<"positions", nn::sinusoidal_positions<features, 256>> positions;
  sub<"", nn::transformer<features, 3, 192, 1, 1>> net;
  constexpr auto operator()(expression auto source, expression auto target,
                            expression auto lengths) const {
    return net(positions(source), positions(target), lengths);
  }
};

// Two layers that read in both directions, and one that reads the target.
struct small_recurrent {
  sub<"reader", nn::lstm<features, 20, 2, true>> reader;
  sub<"writer", nn::gru<features, 24>> writer;
  constexpr auto operator()(expression auto source, expression auto target,
                            expression auto lengths) const {
    auto [read, h, c] = reader(source, lengths);
    auto [written, last] = writer(target);
    return parts{read, h, c, written, last};
  }
};

struct attending_cell {
  sub<"attention", nn::bahdanau_attention<24, 40, 16>> attention;
  sub<"rnn", nn::gru_cell<features + 40, 24>> rnn;
  constexpr auto operator()(expression auto state, expression auto x, expression auto memory,
                            expression auto lengths) const {
    auto [context, weights] = attention(state, memory, lengths);
    auto [next, same] = rnn(state, concat<-1>(x, context));
    return parts{next, same, weights};
  }
};
struct small_seq2seq {
  sub<"reader", nn::gru<features, 20, 1, true>> reader;
  sub<"initial", nn::linear<40, 24>> initial;
  scan<"writer", attending_cell, 1> writer;
  constexpr auto operator()(expression auto source, expression auto target,
                            expression auto lengths) const {
    constexpr dim batch = size<0>(source);
    auto [memory, last] = reader(source, lengths);
    auto first = tanh(initial(reshape<batch, 40>(permute<1, 0, 2>(last))));
    auto [end, written, weights] = writer(states(first), steps(target), held(memory, lengths));
    return parts{written, end, weights};
  }
};

struct short_positions {
  sub<"positions", nn::sinusoidal_positions<features, 8>> positions;
  constexpr auto operator()(expression auto x) const { return positions(x); }
};

struct Sizes3 {
  std::int64_t batch, source, target;
};

struct Inputs {
  Tensor source, target, lengths;
};
Inputs inputs_of(const Sizes3& n, testing::Random& random) {
  Inputs in{Tensor(DType::f32, {n.batch, n.source, features}),
            Tensor(DType::f32, {n.batch, n.target, features}), Tensor(DType::i64, {n.batch})};
  const std::string name = std::to_string(random.below(1'000'000));
  formula_input(name + "s", in.source.as<float>());
  formula_input(name + "t", in.target.as<float>());
  for (std::int64_t& length : in.lengths.as<std::int64_t>())
    length = 1 + std::int64_t(random.below(std::size_t(n.source)));
  return in;
}

std::int64_t resident_bytes() {
  std::int64_t pages = 0;
  std::ifstream file("/proc/self/statm");
  file >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

template <class Model>
void check_lengths(int count, const Sizes3& most) {
  const testing::TemporaryDirectory directory;
  using source = tensor<f32, B, S, features>;
  using target = tensor<f32, B, T, features>;
  using lengths = tensor<i64, B>;
  Options options;
  options.threads = 1;
  load<Model, source, target, lengths>(options).save(directory / "host");
  options.target = "reference";
  load<Model, source, target, lengths>(options).save(directory / "reference");
  setenv("HEED_COMPILER", "/nonexistent", 1);  // from here on nothing can be compiled
  const Program program = Program::open(directory / "host"),
                plain = Program::open(directory / "reference");
  const Checkpoint weights = formula_checkpoint(program.parameters());
  Session session = program.bind(weights, 1), reference = plain.bind(weights, 1);

  testing::Random random(7);
  const auto compare = [&](const Sizes3& n) {
    CAPTURE(n.batch);
    CAPTURE(n.source);
    CAPTURE(n.target);
    const Inputs in = inputs_of(n, random);
    const Results found = session.run(in.source, in.target, in.lengths);
    const Results expected = reference.run(in.source, in.target, in.lengths);
    for (std::size_t r = 0; r < found.size(); ++r) {
      CAPTURE(r);
      CHECK(oracle::difference(found[r].as<float>(), expected[r].as<float>()) < 1e-5);
    }
  };
  compare(most);  // what memory the largest sizes take is there from now on
  const std::size_t largest_arena = session.arena_bytes();
  const std::int64_t resident = resident_bytes();
  for (int i = 0; i < count; ++i) {
    compare({1 + std::int64_t(random.below(std::size_t(most.batch))),
             1 + std::int64_t(random.below(std::size_t(most.source))),
             1 + std::int64_t(random.below(std::size_t(most.target)))});
    CHECK(session.arena_bytes() <= largest_arena);
  }
  CHECK(resident_bytes() <= resident + (2 << 20));
  unsetenv("HEED_COMPILER");
}

}  // namespace

TEST_CASE_TEMPLATE("50 random batches and lengths, one program", Model, small_transformer,
                   small_recurrent, small_seq2seq) {
  check_lengths<Model>(50, {3, 48, 48});
}
TEST_CASE_TEMPLATE("1000 random batches and lengths, one program" * doctest::skip(), Model,
                   small_transformer, small_recurrent, small_seq2seq) {
  check_lengths<Model>(1000, {4, 130, 130});
}

namespace {

// A recurrence in each step of another one.
struct inner_cell {
  constexpr auto operator()(expression auto s, expression auto m, expression auto h) const {
    return tanh(s + m * h);
  }
};
struct outer_cell {
  scan<"", inner_cell, 1> inner;
  constexpr auto operator()(expression auto h, expression auto x, expression auto memory) const {
    auto next = tanh(x + inner(states(h), steps(memory), held(h)));
    return parts{next, next};
  }
};
struct nested {
  scan<"", outer_cell, 1> outer;
  constexpr auto operator()(expression auto source, expression auto target) const {
    constexpr dim batch = size<0>(source);
    auto [last, all] =
        outer(states(broadcast_to<batch, 5>(scalar<0.5>)), steps(target), held(source));
    return all;
  }
};

}  // namespace

TEST_CASE("a scan inside a scan") {
  for (const auto& [target, fusion] :
       {std::pair{"host", "all"}, {"host", "none"}, {"reference", "all"}}) {
    CAPTURE(target);
    CAPTURE(fusion);
    Options options;
    options.target = target;
    options.fusion = fusion;
    Session session = load<nested, tensor<f32, B, S, 5>, tensor<f32, B, T, 5>>(options).bind(
        formula_checkpoint({}));
    for (const Sizes3& n : {Sizes3{2, 7, 4}, {1, 1, 9}, {3, 4, 1}}) {
      Tensor source(DType::f32, {n.batch, n.source, 5}), steps(DType::f32, {n.batch, n.target, 5});
      formula_input("source", source.as<float>());
      formula_input("target", steps.as<float>());
      std::vector<float> expected;
      for (std::int64_t b = 0; b < n.batch; ++b) {
        double h[5] = {0.5, 0.5, 0.5, 0.5, 0.5};
        for (std::int64_t t = 0; t < n.target; ++t)
          for (std::int64_t f = 0; f < 5; ++f) {
            double s = h[f];
            for (std::int64_t i = 0; i < n.source; ++i)
              s = std::tanh(s + double(source.at<float>({b, i, f})) * h[f]);
            h[f] = std::tanh(double(steps.at<float>({b, t, f})) + s);
            expected.push_back(float(h[f]));
          }
      }
      CHECK(oracle::difference(Tensor(session.run(source, steps)).as<float>(), expected) < 1e-5);
    }
  }
}

TEST_CASE("longer than the table of positions is an error of the run") {
  Session session =
      load<short_positions, tensor<f32, B, T, features>>().bind(formula_checkpoint({}));
  CHECK(session.run(Tensor(DType::f32, {2, 8, features}))[0].count() == 2 * 8 * features);
  testing::check_error([&] { session.run(Tensor(DType::f32, {2, 9, features})); },
                       {"slice", "8", "T = 9"});
}
