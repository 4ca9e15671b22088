// Timing of things that take turns, so that what disturbs the machine disturbs all of them.
#pragma once
#include <functional>
#include <string>
#include <vector>

namespace heed::bench {

struct Contender {
  std::string name;
  std::function<void()> run;
};
struct Times {
  double median_ms = 0, least_ms = 0;  // of one run
};

// Times of each contender, in order. Google Benchmark repeats them in random order: `repetitions`
// times a run, or of shorter ones as many as take 4 ms, up to five times as often.
std::vector<Times> take_turns(const std::vector<Contender>& contenders, int repetitions);

enum class Clock {
  processor,  // what this process used: a neighbour's share is not in it
  wall,       // of several threads, who wait for one another
};

// Milliseconds of one run of each contender, for ratios on a machine that others use: turns of
// about a millisecond, many rounds of them in random order. A contender's time is the median over
// the rounds of its ratio to the round's mean, times the least such mean; so what slows a round
// down slows all of them down.
std::vector<double> take_short_turns(const std::vector<Contender>& contenders, int least_rounds,
                                     Clock clock);

}  // namespace heed::bench
