// A run with the sizes of the run before asks for no memory. A program of its own, since it
// counts what all that is in it asks for.
#include <doctest/doctest.h>

#include <cstddef>
#include <fstream>
#include <string>
#include <vector>

#include "count_allocations.h"
#include "heed/runtime/decoding.h"
#include "heed/runtime/formula.h"
#include "heed/runtime/session.h"
#include "sample_program.h"

using heed::Tensor;

namespace {

const std::atomic<long>& count = heed::testing::allocations();

// A line of /proc/self/status.
long status_kib(const std::string& key) {
  std::ifstream file("/proc/self/status");
  std::string word;
  long value = 0;
  while (file >> word && word != key) {
  }
  file >> value;
  return value;
}

}  // namespace

TEST_CASE("session: no allocation while sizes stay, results stay where they are") {
  heed::Session session =
      heed::Program(heed::testing::sample_program(), 2).bind(heed::testing::sample_checkpoint());
  const Tensor x(heed::DType::f32, {2, 8, 3}), longer(heed::DType::f32, {3, 10, 3});
  const long at_first = count;
  session.run(longer);
  CHECK(count > at_first);  // it does count
  const void* before = session.run(x)[0].data();
  bool moved = false;
  long before_runs = count;
  for (int i = 0; i < 100; ++i) moved |= session.run(x)[0].data() != before;
  const long in_runs = count - before_runs;
  CHECK(in_runs == 0);
  CHECK(!moved);

  Tensor y(heed::DType::f32, {2, 8, 4}), pre(heed::DType::f32, {2, 8, 4});
  const Tensor* inputs[] = {&x};
  Tensor* outputs[] = {&y, &pre};
  before_runs = count;
  for (int i = 0; i < 100; ++i) session.run_into(inputs, outputs);
  const long in_runs_into = count - before_runs;
  CHECK(in_runs_into == 0);
}

TEST_CASE("decoding: as much memory is asked for a token as for a thousand, before the first") {
  constexpr std::int64_t rows = 6, vocabulary = 5;
  std::vector<float> logits(rows * vocabulary);
  long in_steps = 0, steps = 0, at_step = 0;
  const heed::NextToken network{
      [&](std::span<const std::int64_t>) {
        // the first step may make room for the vocabulary
        if (steps++ > 1) in_steps += count - at_step;
        heed::formula_input(steps % 2 ? "a" : "b", logits);
        // stop is far
        for (std::int64_t r = 0; r < rows; ++r) logits[std::size_t(r * vocabulary)] = -1000;
        at_step = count;
        return std::span<const float>(logits);
      },
      [](std::span<const std::int64_t>) {}};
  const heed::DecodingLimits limits{1, 0, 1000};
  for (int search = 0; search < 3; ++search) {
    steps = 0;
    if (search == 0) heed::greedy(network, rows, limits);
    else if (search == 1) heed::sample(network, rows, limits, {1, 3, 0.9, 1});
    else heed::beam_search(network, rows / 3, limits, {3, 1});
    CAPTURE(search);
    CHECK(steps > 100);
  }
  CHECK(in_steps == 0);
}

TEST_CASE("session: binding takes little more memory than the weights once") {
  // Four weights of 16 MiB, each packed into a slot of its own.
  heed::abi::Program p = heed::testing::sample_program();
  constexpr int side = 2048, count = 4;
  p.prepared.clear();
  for (int i = 0; i < count; ++i) {
    const std::string name = "big" + std::to_string(i) + ".weight";
    p.parameters.push_back({name, {heed::DType::f32, {2, {heed::Dim(side), heed::Dim(side)}}}});
    p.prepared.push_back({{heed::Dim(side * side * 4)}});
    heed::abi::Step pack = p.prepare[0];
    pack.buffers = {{heed::abi::Place::parameter, 3 + i}, {heed::abi::Place::prepared, i}};
    pack.dims = {side, side};
    pack.work = side;
    if (i == 0) p.prepare = {pack};
    else p.prepare.push_back(pack);
    p.steps[0].buffers.push_back({heed::abi::Place::prepared, i});
  }
  const heed::Program program(p, 1);
  const heed::Checkpoint checkpoint = heed::formula_checkpoint(program.parameters());
  std::ofstream("/proc/self/clear_refs") << 5;  // the high-water mark starts anew
  const long before = status_kib("VmRSS:");
  const heed::Session session = program.bind(checkpoint);
  const long peak = status_kib("VmHWM:") - before, weights = count * side * side * 4 / 1024;
  CHECK(session.weight_bytes() >= std::size_t(weights) * 1024);
  CHECK(peak < weights * 3 / 2);
}
