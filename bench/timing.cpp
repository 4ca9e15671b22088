#include "timing.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <map>

namespace heed::bench {
namespace {

class Samples : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs)
      if (run.run_type == Run::RT_Iteration)
        of[run.run_name.function_name].push_back(run.GetAdjustedRealTime());
  }
  std::map<std::string, std::vector<double>> of;  // milliseconds by contender
};

void initialise_once() {
  static const bool done = [] {
    char program[] = "bench", interleave[] = "--benchmark_enable_random_interleaving=true";
    char* arguments[] = {program, interleave, nullptr};
    int count = 2;
    benchmark::Initialize(&count, arguments);
    return true;
  }();
  static_cast<void>(done);
}

// How many runs make a repetition. Warms up, too.
int runs_in_20_ms(const Contender& contender) {
  contender.run();
  const auto begin = std::chrono::steady_clock::now();
  contender.run();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  return static_cast<int>(std::clamp(20 / took.count(), 1.0, 10'000.0));
}

}  // namespace

std::vector<Times> take_turns(const std::vector<Contender>& contenders, int repetitions) {
  initialise_once();
  benchmark::ClearRegisteredBenchmarks();
  for (const Contender& contender : contenders)
    benchmark::RegisterBenchmark(contender.name.c_str(),
                                 [&contender](benchmark::State& state) {
                                   for ([[maybe_unused]] auto turn : state) contender.run();
                                 })
        ->Iterations(runs_in_20_ms(contender))
        ->Repetitions(repetitions)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  Samples samples;
  benchmark::RunSpecifiedBenchmarks(&samples);

  std::vector<Times> times;
  for (const Contender& contender : contenders) {
    std::vector<double>& of = samples.of.at(contender.name);
    std::ranges::sort(of);
    times.push_back({of[of.size() / 2], of.front()});
  }
  return times;
}

}  // namespace heed::bench
