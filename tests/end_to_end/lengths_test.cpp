// One program of a sequence model runs for every batch and every length of source and target, padded rows included:
// against the reference target, with no compiler at hand and in constant memory.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "../runtime/must_throw.h"
#include "../runtime/random.h"
#include "../runtime/temporary.h"
#include "attention_oracle.h"
#include "heed/dsl/nn/encoder_decoder.h"
#include "heed/dsl/nn/positions.h"

using namespace heed;

namespace {

constexpr dim B{"B"}, S{"S"}, T{"T"};
constexpr std::int64_t features = 96;

struct small_transformer {
  sub<"positions", nn::sinusoidal_positions<features, 256>> positions;
  sub<"", nn::transformer<features, 3, 192, 1, 1>> net;
  constexpr auto operator()(expression auto source, expression auto target, expression auto lengths) const {
    return net(positions(source), positions(target), lengths);
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
  Inputs in{Tensor(DType::f32, {n.batch, n.source, features}), Tensor(DType::f32, {n.batch, n.target, features}),
            Tensor(DType::i64, {n.batch})};
  const std::string name = std::to_string(random.below(1'000'000));
  formula_input(name + "s", in.source.as<float>());
  formula_input(name + "t", in.target.as<float>());
  for (std::int64_t& length : in.lengths.as<std::int64_t>()) length = 1 + std::int64_t(random.below(std::size_t(n.source)));
  return in;
}

std::int64_t resident_bytes() {
  std::int64_t pages = 0;
  std::ifstream file("/proc/self/statm");
  file >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

void check_lengths(int count, const Sizes3& most) {
  const testing::TemporaryDirectory directory;
  using source = tensor<f32, B, S, features>;
  using target = tensor<f32, B, T, features>;
  using lengths = tensor<i64, B>;
  Options options;
  options.threads = 1;
  load<small_transformer, source, target, lengths>(options).save(directory / "host");
  options.target = "reference";
  load<small_transformer, source, target, lengths>(options).save(directory / "reference");
  setenv("HEED_COMPILER", "/nonexistent", 1);  // from here on nothing can be compiled
  const Program program = Program::open(directory / "host"), plain = Program::open(directory / "reference");
  const Checkpoint weights = formula_checkpoint(program.parameters());
  Session session = program.bind(weights, 1), reference = plain.bind(weights, 1);

  testing::Random random(7);
  const auto compare = [&](const Sizes3& n) {
    CAPTURE(n.batch);
    CAPTURE(n.source);
    CAPTURE(n.target);
    const Inputs in = inputs_of(n, random);
    const Tensor found = session.run(in.source, in.target, in.lengths);
    const Tensor expected = reference.run(in.source, in.target, in.lengths);
    CHECK(oracle::difference(found.as<float>(), expected.as<float>()) < 1e-5);
  };
  compare(most);  // what memory the largest sizes take is there from now on
  const std::size_t largest_arena = session.arena_bytes();
  const std::int64_t resident = resident_bytes();
  for (int i = 0; i < count; ++i) {
    compare({1 + std::int64_t(random.below(std::size_t(most.batch))), 1 + std::int64_t(random.below(std::size_t(most.source))),
             1 + std::int64_t(random.below(std::size_t(most.target)))});
    CHECK(session.arena_bytes() <= largest_arena);
  }
  CHECK(resident_bytes() <= resident + (2 << 20));
  unsetenv("HEED_COMPILER");
}

}  // namespace

TEST_CASE("50 random batches and lengths of a Transformer, one program") { check_lengths(50, {3, 48, 48}); }

TEST_CASE("1000 random batches and lengths of a Transformer, one program" * doctest::skip()) {
  check_lengths(1000, {4, 130, 130});
}

TEST_CASE("longer than the table of positions is an error of the run") {
  Session session = load<short_positions, tensor<f32, B, T, features>>().bind(formula_checkpoint({}));
  CHECK(session.run(Tensor(DType::f32, {2, 8, features}))[0].count() == 2 * 8 * features);
  testing::check_error([&] { session.run(Tensor(DType::f32, {2, 9, features})); }, {"slice", "8", "T = 9"});
}
