// Where compiling takes its time: processor seconds of each phase, summed over the threads that
// worked on it.
#pragma once
#include <mutex>
#include <string>
#include <vector>

#include "llvm/ADT/StringRef.h"
#include "mlir/Pass/PassManager.h"

namespace heed {

// Any number of threads may add to it.
class PhaseTimes {
 public:
  void add(llvm::StringRef phase, double seconds);
  // Each pass becomes a phase, "<group>: <pass>".
  void watch(mlir::PassManager& passes, llvm::StringRef group);
  // "milliseconds  phase" a line, in the order of their beginning, and the sum.
  std::string text();

 private:
  struct Phase {
    std::string name;
    double seconds;
  };
  std::mutex mutex_;
  std::vector<Phase> phases_;
};

// From here to the end of its scope, on this thread. `times` may be null.
class PhaseTimer {
 public:
  PhaseTimer(PhaseTimes* times, llvm::StringRef phase);
  ~PhaseTimer();

 private:
  PhaseTimes* times_;
  std::string phase_;
  double begin_ = 0;
};

}  // namespace heed
