// Where time goes: by kind and module path, against a peak, as a trace, and under perf.
#include "heed/runtime/profile.h"

#include <stdlib.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "heed/runtime/atomic_file.h"
#include "heed/runtime/peak.h"
#include "heed/runtime/session.h"
#include "must_throw.h"
#include "sample_program.h"
#include "temporary.h"

using heed::Session;
using heed::Tensor;
using heed::testing::ramp;
namespace testing = heed::testing;

namespace {

Session profiled_session() {
  return heed::Program(testing::sample_program(), 1).bind(testing::sample_checkpoint());
}

}  // namespace

TEST_CASE("profile: steps, kinds, a trace") {
  heed::Profile profile;
  Session first = profiled_session(), second = first.sibling(1);
  first.set_profile(&profile);
  second.set_profile(&profile);
  const Tensor x = ramp(1, 4);
  first.run(x);
  std::thread other([&] { second.run(x); });
  first.run(x);
  other.join();
  first.set_profile(nullptr);
  first.run(x);
  CHECK(profile.runs() == 3);
  const auto kinds = profile.by_kind();
  REQUIRE(kinds.size() == 2);
  for (const auto& row : kinds) {
    CHECK(row.calls == 3);
    if (row.name == "contract") CHECK(row.flops == 3 * 4 * 24);
  }
  CHECK(profile.by_label().size() == 2);
  CHECK(profile.table().find("linear") != std::string::npos);
  auto trace = nlohmann::json::parse(profile.trace());
  CHECK(trace["traceEvents"].size() == 6 + 2);
  CHECK(!trace["traceEvents"][0]["args"].contains("% of peak"));
  profile.set_peak_gflops(2);
  trace = nlohmann::json::parse(profile.trace());
  const auto& linear = trace["traceEvents"][0];
  CHECK(linear["name"] == "linear");
  CHECK(linear["cat"] == "contract");
  CHECK(linear["args"]["kernel"] == "linear");
  CHECK(linear["args"]["% of peak"].get<double>() ==
        doctest::Approx(50 * linear["args"]["GFLOP/s"].get<double>()));
  CHECK(linear["args"]["GFLOP/s"].get<double>() ==
        doctest::Approx(4 * 24 / linear["dur"].get<double>() / 1000));
  const auto numbers = nlohmann::json::parse(profile.json());
  CHECK(numbers["runs"] == 3);
  CHECK(numbers["steps"].size() == 2);
  const testing::TemporaryDirectory directory;
  profile.write_trace(directory / "trace.json");
  CHECK(std::filesystem::file_size(directory / "trace.json") == profile.trace().size());
  profile.clear();
  CHECK(profile.by_kind().empty());
}

TEST_CASE("profile: two sessions overlap in a trace") {
  heed::Profile profile;
  Session first = profiled_session(), second = first.sibling(1);
  first.set_profile(&profile);
  second.set_profile(&profile);
  const Tensor x = ramp(64, 2048);  // milliseconds
  auto overlap = [&] {
    const auto trace = nlohmann::json::parse(profile.trace());
    for (const auto& a : trace["traceEvents"])
      for (const auto& b : trace["traceEvents"])
        if (a["ph"] == "X" && b["ph"] == "X" && a["tid"] == 1 && b["tid"] == 2 &&
            a["ts"] < b["ts"].get<double>() + b["dur"].get<double>() &&
            b["ts"] < a["ts"].get<double>() + a["dur"].get<double>())
          return true;
    return false;
  };
  first.run(x);
  second.run(x);
  CHECK(!overlap());
  std::thread other([&] {
    for (int i = 0; i < 10; ++i) second.run(x);
  });
  for (int i = 0; i < 10; ++i) first.run(x);
  other.join();
  CHECK(overlap());
}

TEST_CASE("peak: a loop for every instruction set that is here, more than one operation a cycle") {
  CHECK(heed::peak_gflops("x86-64", 1) > 1);
  CHECK(heed::peak_loop("x86-64-avx2").flops_per_round > heed::peak_loop("x86-64").flops_per_round);
  CHECK((heed::peak_loop("reference").run == heed::peak_loop("x86-64").run));
}

TEST_CASE("perf map: kernels with the steps that run them") {
  const std::string path = "/tmp/perf-" + std::to_string(getpid()) + ".map";
  setenv("HEED_PERF_MAP", "1", 1);
  heed::abi::Program data = testing::sample_program();
  data.steps.push_back(data.steps.back());
  data.steps.front().label = "blocks.3.attn";
  const heed::Program program(data);
  unsetenv("HEED_PERF_MAP");
  const auto bytes = heed::read_file(path).bytes;
  std::filesystem::remove(path);
  const std::string map(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  CHECK(map.find(" linear blocks.3.attn\n") != map.npos);
  CHECK(map.find(" scaled_tanh tanh +1\n") != map.npos);
  CHECK(map.find(" clear_bytes\n") != map.npos);
}
