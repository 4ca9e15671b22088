// Programs of SPIR-V modules on a device: results, loops, statuses, siblings, profiles, files.
#include "heed/runtime/session.h"

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "../must_throw.h"
#include "../sample_program.h"
#include "../temporary.h"
#include "heed/runtime/profile.h"
#include "programs.h"

using heed::DType;
using heed::Program;
using heed::Session;
using heed::Tensor;
using heed::testing::check_error;
using heed::testing::ramp;
namespace testing = heed::testing;

namespace {

Session sample_session() {
  return Program(testing::sample_gpu_program()).bind(testing::sample_checkpoint());
}

void check_result(const Tensor& x, const Tensor& y, bool pre = false) {
  CHECK(testing::sample_mismatches(x, y, pre) == 0);
}

}  // namespace

TEST_CASE("vulkan: results and probes, for one shape after another") {
  Session session = sample_session();
  CHECK(session.threads() == 1);
  for (auto [batch, length] : {std::pair{1, 4}, {3, 8}, {2, 64}, {1, 4}, {1, 6}, {5, 70000}}) {
    const Tensor x = ramp(batch, length);
    for (int again = 0; again < 2; ++again) {
      const auto results = session.run(x);
      check_result(x, results);
      check_result(x, results.probe("pre"), true);
    }
  }
}

TEST_CASE("vulkan: into the caller's tensors") {
  Session session = sample_session();
  const Tensor x = ramp(2, 6);
  Tensor y(DType::f32, {2, 6, 4}), pre(DType::f32, {2, 6, 4});
  const Tensor* inputs[] = {&x};
  Tensor* outputs[] = {&y, &pre};
  session.run_into(inputs, outputs);
  check_result(x, y);
  check_result(x, pre, true);
  check_error([&] { session.run(ramp(1, 7)); }, {"the length must be even"});
  session.run_into(inputs, outputs);
}

TEST_CASE("vulkan: siblings share weights and run at the same time") {
  Session first = sample_session();
  std::vector<Session> sessions;
  for (int i = 0; i < 3; ++i) sessions.push_back(first.sibling());
  CHECK(sessions[0].weight_bytes() == first.weight_bytes());
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (std::size_t i = 0; i < sessions.size(); ++i)
    threads.emplace_back([&, i] {
      const Tensor x = ramp(std::int64_t(i) + 1, 8);
      for (int round = 0; round < 20; ++round) {
        const float found = sessions[i].run(x)[0].as<float>()[5],
                    expected = testing::sample_value(x.as<float>().data() + 3, 1);
        wrong += !(std::abs(found - expected) < 1e-5f);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("vulkan: loops, turn by turn, onwards and in reverse") {
  for (const bool reverse : {false, true}) {
    Session session = Program(testing::loop_program(reverse)).bind(testing::no_weights());
    for (const int turns : {1, 2, 5, 6, 1}) {
      Tensor x(DType::f32, {11});
      for (std::size_t i = 0; i < 11; ++i) x.as<float>()[i] = float(i) / 8;
      const Tensor y = session.run(x, Tensor(DType::f32, {turns}));
      for (std::size_t i = 0; i < 11; ++i) {
        float expected = float(i) / 8;
        for (int n = 1; n <= turns; ++n)
          expected = (expected * 2 + 3 * float(reverse ? turns + 1 - n : n)) * 2 + 1;
        CHECK(y.as<float>()[i] == expected);
      }
    }
  }
}

TEST_CASE("vulkan: a loop that stops by a value, or at its limit") {
  heed::Profile profile;
  Session session = Program(testing::stopping_program()).bind(testing::no_weights());
  for (const bool profiled : {false, true}) {
    session.set_profile(profiled ? &profile : nullptr);
    for (const int limit : {12, 13, 4, 1})
      // 1, 2, 4 and 5 turns, as far as the limit allows
      for (const float least : {90.f, 40.f, 1.f, 0.f}) {
        Tensor x(DType::f32, {11});
        for (std::size_t i = 0; i < 11; ++i) x.as<float>()[i] = least + float(i);
        profile.clear();
        const Tensor y = session.run(x, Tensor(DType::f32, {limit}));
        float lowest = least, turns = 0;
        while (turns < float(limit) && (turns == 0 || lowest < 100))
          lowest = lowest * 2 + 3 * ++turns;
        for (std::size_t i = 0; i < 11; ++i)
          CHECK(y.as<float>()[i] == lowest + float(i) * std::exp2(turns));
        if (profiled) CHECK(profile.by_kernel().at(0).calls == std::int64_t(turns));
      }
  }
}

TEST_CASE("vulkan: 64-bit tokens, bools, and a status that names its step") {
  Session session = Program(testing::gather_program()).bind(testing::no_weights());
  constexpr std::int64_t count = 19;
  Tensor tokens(DType::i64, {count}), kept(DType::boolean, {count}), table(DType::f32, {5});
  for (std::size_t i = 0; i < 5; ++i) table.as<float>()[i] = 10 + float(i);
  auto* flags = static_cast<std::uint8_t*>(kept.data());
  for (std::size_t i = 0; i < std::size_t(count); ++i) {
    tokens.as<std::int64_t>()[i] = std::int64_t(i * 3 % 5);
    flags[i] = i % 4 != 1;
  }
  auto check = [&] {
    const Tensor y = session.run(tokens, kept, table);
    for (std::size_t i = 0; i < std::size_t(count); ++i)
      CHECK(y.as<float>()[i] == (i % 4 != 1 ? 10 + float(i * 3 % 5) : 0));
  };
  check();
  tokens.as<std::int64_t>()[17] = std::int64_t(1) << 32;
  check_error([&] { session.run(tokens, kept, table); },
              {"run: step 'tokens.embed'", "'Gather'", "outside the table"});
  tokens.as<std::int64_t>()[17] = 17 * 3 % 5;
  check();
}

TEST_CASE("vulkan: a profile tells of every dispatch") {
  heed::Profile profile;
  Session session = sample_session();
  const Tensor x = ramp(1, 4), longer = ramp(2, 4096);
  session.set_profile(&profile);
  session.run(x);
  check_result(x, session.run(x));
  CHECK(profile.runs() == 2);
  const auto rows = profile.by_label();
  REQUIRE(rows.size() == 2);
  for (const auto& row : rows) {
    CHECK(row.calls == 2);
    CHECK(row.seconds >= 0);
    CHECK(row.seconds < 10);
    if (row.name == "linear") CHECK(row.flops == 2 * 4 * 24);
  }
  profile.clear();
  check_result(longer, session.run(longer));
  double seconds = 0;
  for (const auto& row : profile.by_kind()) seconds += row.seconds;
  CHECK(seconds > 0);
  session.set_profile(nullptr);
  check_result(x, session.run(x));
  CHECK(profile.runs() == 1);
}

TEST_CASE("vulkan: saved and opened") {
  const testing::TemporaryDirectory directory;
  const auto path = directory / "sample.heed";
  Program(testing::sample_gpu_program()).save(path);
  const Program program = Program::open(path);
  CHECK(program.target() == "vulkan");
  const Tensor x = ramp(1, 4);
  Session session = program.bind(testing::sample_checkpoint());
  check_result(x, session.run(x));
}

// What the layers find goes to the output, where ctest looks for it: here, that they are there.
TEST_CASE("vulkan: the validation layers are in place where they were asked for") {
  const char* layers = std::getenv("VK_INSTANCE_LAYERS");
  if (!layers) return;
  const Program program(testing::sample_gpu_program());
  std::ifstream maps("/proc/self/maps");
  const std::string text{std::istreambuf_iterator<char>(maps), {}};
  CHECK(text.find("khronos_validation") != text.npos);
}
