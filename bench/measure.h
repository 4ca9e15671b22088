// One case, measured: fused, unfused and the peak loop take turns.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "cases.h"

namespace heed::bench {

struct Row {
  std::string group, name;
  int threads = 1;
  double heed_ms = 0, heed_least_ms = 0, unfused_ms = 0;  // of a run
  double gflop = 0, peak_pct = 0, unfused_pct = 0;        // % of the peak loop's speed, by medians
  double least_pct = 0;                                   // the same of the least times of both
  double compile_ms = 0, cached_ms = 0, peak_mb = 0;      // of a process of its own
  // milliseconds and megabytes, as peers.py names them
  std::map<std::string, double> peers = {};
};

// Checks the results, then measures for each number of threads. quick: few repetitions.
std::vector<Row> measure(const Case& c, const std::string& target, const std::vector<int>& threads,
                         bool quick);

}  // namespace heed::bench
