// Programs on weights: shapes, results, errors, allocation, concurrency.
#include "heed/runtime/session.h"

#include <atomic>
#include <cmath>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "must_throw.h"
#include "sample_program.h"
#include "temporary.h"

using heed::Program;
using heed::Session;
using heed::Tensor;
using heed::testing::ramp;
using heed::testing::check_error;
namespace testing = heed::testing;

namespace {

void check_result(const Tensor& x, const Tensor& y, bool pre = false) {
  CHECK(testing::sample_mismatches(x, y, pre) == 0);
}

Session sample_session(int threads = 2) {
  return Program(testing::sample_program(), threads).bind(testing::sample_checkpoint());
}

}  // namespace

TEST_CASE("session: results and probes, for one shape after another") {
  Session session = sample_session();
  for (auto [batch, length] : {std::pair{1, 4}, {3, 8}, {2, 64}, {1, 4}, {1, 6}}) {
    const Tensor x = ramp(batch, length);
    const auto results = session.run(x);
    const Tensor y = results;
    check_result(x, y);
    check_result(x, results.probe("pre"), true);
  }
}

TEST_CASE("session: into the caller's tensors") {
  Session session = sample_session();
  const Tensor x = ramp(2, 6);
  Tensor y(heed::DType::f32, {2, 6, 4}), pre(heed::DType::f32, {2, 6, 4});
  const Tensor* inputs[] = {&x};
  Tensor* outputs[] = {&y, &pre};
  session.run_into(inputs, outputs);
  check_result(x, y);
  check_result(x, pre, true);

  Tensor wrong(heed::DType::f32, {2, 6, 5});
  Tensor* bad[] = {&y, &wrong};
  check_error([&] { session.run_into(inputs, bad); }, {"'pre'", "[2, 6, 4]", "[2, 6, 5]"});
  Tensor* twice[] = {&y, &y};
  check_error([&] { session.run_into(inputs, twice); }, {"'y' and 'pre' overlap"});
  Tensor* few[] = {&y};
  check_error([&] { session.run_into(inputs, few); }, {"1 tensors", "2 outputs"});
  Tensor same = Tensor::view(heed::DType::f32, {2, 6, 4}, const_cast<void*>(x.data()));
  Tensor* aliased[] = {&same, &pre};
  check_error([&] { session.run_into(inputs, aliased); }, {"overlaps an input"});
  check_result(x, session.run(x));
}

TEST_CASE("session: a result of the last run is no input of the next") {
  Session session = sample_session();
  const Tensor x = ramp(2, 4);
  Tensor y = session.run(x);  // [2, 4, 4]
  const Tensor inside = Tensor::view(y.dtype(), x.sizes(), y.data()),
               smaller = Tensor::view(y.dtype(), {1, 4, 3}, y.data());
  check_error([&] { session.run(inside); }, {"'x'", "the result 'y'", "copy()"});
  // Which a run of other sizes would free.
  check_error([&] { session.run(smaller); }, {"'x'", "the result 'y'"});
  const Tensor copy = inside.copy();
  check_result(copy, session.run(copy));
}

TEST_CASE("session: one that was moved from says so, a program too") {
  Program program(testing::sample_program(), 1);
  Session session = program.bind(testing::sample_checkpoint());
  const Session kept = std::move(session);
  check_error([&] { session.run(ramp(1, 4)); }, {"moved from"});
  check_error([&] { session.sibling(); }, {"moved from"});
  check_error([&] { session.threads(); }, {"moved from"});
  CHECK(kept.threads() == 1);
  const Program other = std::move(program);
  check_error([&] { program.bind(testing::sample_checkpoint()); }, {"moved from"});
  check_error([&] { program.inputs(); }, {"moved from"});
  CHECK(other.bind(testing::sample_checkpoint()).threads() == 1);
}

TEST_CASE("session: shapes that do not fit") {
  Session session = sample_session();
  auto run = [&](heed::Sizes sizes, heed::DType type = heed::DType::f32) {
    session.run(Tensor(type, sizes));
  };
  check_error([&] { run({2, 4}); }, {"'x' f32 [B, T, 3]", "f32 [2, 4]"});
  check_error([&] { run({2, 4, 3}, heed::DType::i32); }, {"'x' f32 [B, T, 3]", "i32 [2, 4, 3]"});
  check_error([&] { run({2, 4, 5}); }, {"axis 2 should be 3", "[2, 4, 5]"});
  check_error([&] { run({0, 4, 3}); }, {"axis 0 is empty"});
  check_error(
      [&] {
        run({1, 7, 3});
      },
      {"the length must be even", "T/2 is no whole number for T = 7"});
  check_error(
      [&] {
        run({1, 2, 3});
      },
      {"the length must be even", "T/2 is 1, at least 2", "T = 2"});
  check_error([&] { session.run(); }, {"0 inputs", "'Sample' takes 1"});
  const Tensor x = ramp(1, 4);
  check_error([&] { session.run(x, x); }, {"2 inputs"});
  check_result(x, session.run(x));  // an error leaves the session usable
  check_error([&] { run({1, 7, 3}); }, {"even"});
  check_error([&] { run({1, 7, 3}); }, {"even"});
}

TEST_CASE("session: sizes that cannot be computed or had") {
  heed::abi::Program p = testing::sample_program();
  p.guards.clear();
  float element = 0;  // nothing is read
  const Tensor huge = Tensor::view(heed::DType::f32, {1, std::int64_t(1) << 45, 3}, &element);
  Session session = Program(p, 1).bind(testing::sample_checkpoint());
  check_error([&] { session.run(huge); }, {"an intermediate would need 562949953421312 bytes"});
  p.outputs[0].type.shape[1] = heed::Dim("T") / 2;
  Session halved = Program(p, 1).bind(testing::sample_checkpoint());
  check_error([&] { halved.run(ramp(1, 7)); },
              {"a result has the size T/2", "whole number for T = 7"});
}

TEST_CASE("session: one thread at a time") {
  Session session = sample_session(1);
  const Tensor x = ramp(8, 4096);
  std::atomic<bool> refused = false;
  std::string sentence;
  auto run = [&] {
    for (int i = 0; i < 10000 && !refused; ++i) {
      const std::string error = testing::error_of([&] { session.run(x); });
      if (!error.empty() && !refused.exchange(true)) sentence = error;
    }
  };
  std::thread other(run);
  run();
  other.join();
  CHECK(sentence.find("running already on another thread") != sentence.npos);
  CHECK(sentence.find("Session::sibling") != sentence.npos);
}

TEST_CASE("session: a kernel of prepare that fails") {
  heed::abi::Program p = testing::sample_program();
  p.kernels.push_back({"fails", "pack"});
  p.prepare[0].kernel = std::int32_t(p.kernels.size()) - 1;
  p.prepare[0].dims = {heed::Dim(0)};
  p.prepare[0].label = "tokens.weight";
  check_error([&] { Program(p, 1).bind(testing::sample_checkpoint()); },
              {"bind: step 'tokens.weight'", "'Sample'", "outside the table"});
}

TEST_CASE("session: a symbol that no axis says plainly") {
  heed::abi::Program p = testing::sample_program();
  const heed::Dim h("H");
  p.inputs.push_back({"halves", {heed::DType::f32, {2, {heed::Dim(2) * h, heed::Dim(5) * h}}}});
  Session session = Program(p, 1).bind(testing::sample_checkpoint());
  const Tensor x = ramp(2, 4);
  const auto run = [&](heed::Sizes halves) { session.run(x, Tensor(heed::DType::f32, halves)); };
  run({6, 15});
  check_error([&] { run({5, 15}); }, {"'halves' f32 [2*H, 5*H]", "axis 0", "a multiple of 2"});
  check_error([&] { run({6, 14}); }, {"axis 1 should be 15", "H = 3"});
}

TEST_CASE("session: an axis given by two inputs, and one computed from others") {
  heed::abi::Program p = testing::sample_program();
  p.inputs.push_back(
      {"pair",
       {heed::DType::f32, {2, {heed::Dim("B"), heed::Dim("T") * heed::Dim(2) + heed::Dim(1)}}}});
  Session session = Program(p, 1).bind(testing::sample_checkpoint());
  const Tensor x = ramp(2, 4);
  session.run(x, Tensor(heed::DType::f32, {2, 9}));
  check_error(
      [&] {
        session.run(x, Tensor(heed::DType::f32, {3, 9}));
      },
      {"'pair'", "axis 0 should be 2", "B = 2"});
  check_error(
      [&] {
        session.run(x, Tensor(heed::DType::f32, {2, 8}));
      },
      {"axis 1 should be 9", "T = 4"});
}

TEST_CASE("session: results by number and name") {
  Session session = sample_session();
  const Tensor x = ramp(1, 4);
  const auto results = session.run(x);
  CHECK(results.size() == 1);
  CHECK(results[0].sizes() == heed::Sizes{1, 4, 4});
  check_error([&] { results[1]; }, {"1 results", "number 1"});
  check_error([&] { results.probe("y"); }, {"probe 'y'", "probes are: pre", "Options::probes"});
  heed::abi::Program p = testing::sample_program();
  p.result_count = 2;
  Session two = Program(p, 1).bind(testing::sample_checkpoint());
  check_error([&] { Tensor only = two.run(x); }, {"2 results"});
}

TEST_CASE("session: a kernel's status names its step") {
  heed::abi::Program p = testing::sample_program();
  p.kernels.push_back({"fails", "gather", 0});
  heed::abi::Step step;
  step.kernel = 3;
  step.dims = {heed::Dim("T")};
  step.work = heed::Dim("B") * heed::Dim("T");
  step.label = "tokens.embed";
  p.steps.push_back(step);
  Session session = Program(p, 2).bind(testing::sample_checkpoint());
  session.run(ramp(1, 8));  // item 8 of 8: none fails
  check_error([&] { session.run(ramp(2, 8)); },
              {"'tokens.embed'", "gather", "'Sample'", "outside the table"});
  session.run(ramp(1, 8));
}

TEST_CASE("session: siblings share weights and run at the same time") {
  Session first = sample_session(2);
  std::vector<Session> sessions;
  for (int i = 0; i < 3; ++i) sessions.push_back(first.sibling(1 + i % 2));
  CHECK(sessions[0].weight_bytes() == first.weight_bytes());
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (std::size_t i = 0; i < sessions.size(); ++i)
    threads.emplace_back([&, i] {
      const Tensor x = ramp(std::int64_t(i) + 1, 8);
      for (int round = 0; round < 50; ++round) {
        const auto result = sessions[i].run(x);
        wrong += result[0].as<float>()[5] != testing::sample_value(x.as<float>().data() + 3, 1);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("session: weights are packed once and kept once") {
  Session session = sample_session(1);
  // The packed weight of prepared slot 0 (48 bytes, to 64), bias and scale as stored; the second
  // slot is used by nobody.
  CHECK(session.weight_bytes() == 64 + 16 + 4);
}

TEST_CASE("session: a checkpoint that does not fit") {
  const Program program(testing::sample_program(), 1);
  check_error(
      [&] {
        program.bind(testing::sample_checkpoint().rename(
            [](std::string_view name) { return "net." + std::string(name); }));
      },
      {"'Sample'", "3 missing", "'weight' (nearest: 'net.weight')", "3 unexpected"});
}

TEST_CASE("program: saved, opened, and refused by a CPU that lacks a feature") {
  const testing::TemporaryDirectory directory;
  const auto path = directory / "sample.heed";
  Program(testing::sample_program()).save(path);
  const Program program = Program::open(path, 1);
  CHECK(program.name() == "Sample");
  CHECK(program.target() == "x86-64");
  CHECK(program.compile_ms() == 0);
  CHECK(program.parameters().size() == 3);
  Session session = program.bind(testing::sample_checkpoint());
  const Tensor x = ramp(1, 4);
  check_result(x, session.run(x));
  check_error([&] { Program::open(directory / "nothing"); }, {"cannot open"});

  heed::abi::Program p = testing::sample_program();
  p.features = {"sse2", "avx1024", "+sse2", "quantum"};
  check_error([&] { Program{p}; }, {"'Sample'", "avx1024, quantum", "lacks", "host"});
  p.features = {};
  p.kernels[0].symbol = "none";
  check_error([&] { Program{p}; }, {"does not define 'none'"});
}
