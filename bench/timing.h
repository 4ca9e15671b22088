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

// Times of each contender, in order. Google Benchmark repeats them `repetitions` times in random
// order; a repetition is one run, or as many as take 20 ms.
std::vector<Times> take_turns(const std::vector<Contender>& contenders, int repetitions);

}  // namespace heed::bench
