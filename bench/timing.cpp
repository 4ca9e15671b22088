#include "timing.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <map>
#include <numeric>
#include <random>

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

// Short repetitions: what disturbs the machine for some milliseconds is in few of them.
struct Plan {
  int runs, repetitions;
};

// Warms up, too.
Plan plan_of(const Contender& contender, int repetitions) {
  constexpr double repetition_ms = 4, budget_ms = 20;  // of each of `repetitions`
  contender.run();
  const auto begin = std::chrono::steady_clock::now();
  contender.run();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  const double runs = std::clamp(repetition_ms / took.count(), 1.0, 10'000.0);
  const double each = std::clamp(budget_ms / (runs * took.count()), 1.0, budget_ms / repetition_ms);
  return {static_cast<int>(runs), static_cast<int>(each * repetitions)};
}

double ms_now(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return double(now.tv_sec) * 1e3 + double(now.tv_nsec) * 1e-6;
}

// Threads that slept while others had their turn are awake again before they are timed.
double ms_of(const Contender& contender, int runs, Clock clock) {
  const clockid_t id = clock == Clock::wall ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID;
  if (clock == Clock::wall) contender.run();
  const double begin = ms_now(id);
  for (int run = 0; run < runs; ++run) contender.run();
  return std::max(ms_now(id) - begin, 1e-6) / runs;
}

double median(std::vector<double> of) {
  const auto middle = of.begin() + std::ptrdiff_t(of.size() / 2);
  std::ranges::nth_element(of, middle);
  return *middle;
}

}  // namespace

std::vector<Times> take_turns(const std::vector<Contender>& contenders, int repetitions) {
  initialise_once();
  benchmark::ClearRegisteredBenchmarks();
  for (const Contender& contender : contenders) {
    const Plan plan = plan_of(contender, repetitions);
    // Threads that slept while others had their turn are awake again, and those of the others
    // asleep, before short runs are timed.
    const bool wakes = plan.runs > 1;
    benchmark::RegisterBenchmark(contender.name.c_str(),
                                 [&contender, wakes](benchmark::State& state) {
                                   if (wakes) contender.run();
                                   for ([[maybe_unused]] auto turn : state) contender.run();
                                 })
        ->Iterations(plan.runs)
        ->Repetitions(plan.repetitions)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  }
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

std::vector<double> take_short_turns(const std::vector<Contender>& contenders, int least_rounds,
                                     Clock clock) {
  constexpr double turn_ms = 1, budget_ms = 100;  // of a contender
  std::vector<int> runs, order(contenders.size());
  double longest = turn_ms;
  for (const Contender& contender : contenders) {
    contender.run();
    const double ms = std::min(ms_of(contender, 1, clock), ms_of(contender, 1, clock));
    runs.push_back(int(std::clamp(turn_ms / ms, 1.0, 10'000.0)));
    longest = std::max(longest, ms);
  }
  const int rounds = std::max(least_rounds, int(budget_ms / longest));
  std::iota(order.begin(), order.end(), 0);
  std::mt19937 random(1);
  std::vector<std::vector<double>> ratios(contenders.size());
  double least_mean = INFINITY;
  for (int round = 0; round < rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    std::vector<double> logs(contenders.size());
    for (int c : order)
      logs[std::size_t(c)] =
          std::log(ms_of(contenders[std::size_t(c)], runs[std::size_t(c)], clock));
    const double mean = std::accumulate(logs.begin(), logs.end(), 0.0) / double(logs.size());
    for (std::size_t c = 0; c < logs.size(); ++c) ratios[c].push_back(logs[c] - mean);
    least_mean = std::min(least_mean, mean);
  }
  std::vector<double> ms;
  for (const std::vector<double>& of : ratios) ms.push_back(std::exp(median(of) + least_mean));
  return ms;
}

}  // namespace heed::bench
