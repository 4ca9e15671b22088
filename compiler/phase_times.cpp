#include "heed/compiler/phase_times.h"

#include <time.h>

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"

using namespace mlir;

namespace heed {

namespace {

// Seconds that this thread has computed.
double threadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

// The pipelines of this compiler run their passes on modules one after the other, on one thread.
class Watch final : public PassInstrumentation {
 public:
  Watch(PhaseTimes& times, StringRef group) : times_(times), group_(group) {}
  void runBeforePass(Pass* pass, Operation*) override {
    if (isWork(pass)) begin_ = threadSeconds();
  }
  void runAfterPass(Pass* pass, Operation*) override {
    if (isWork(pass)) times_.add(group_ + ": " + pass->getName().str(), threadSeconds() - begin_);
  }
  void runAfterPassFailed(Pass* pass, Operation* op) override { runAfterPass(pass, op); }

 private:
  // not the adaptor of nested passes
  static bool isWork(Pass* pass) { return !pass->getArgument().empty(); }
  PhaseTimes& times_;
  std::string group_;
  double begin_ = 0;
};

}  // namespace

void PhaseTimes::add(StringRef phase, double seconds) {
  std::lock_guard lock(mutex_);
  for (Phase& known : phases_)
    if (known.name == phase) return void(known.seconds += seconds);
  phases_.push_back({phase.str(), seconds});
}

void PhaseTimes::watch(PassManager& passes, StringRef group) {
  passes.addInstrumentation(std::make_unique<Watch>(*this, group));
}

std::string PhaseTimes::text() {
  std::lock_guard lock(mutex_);
  std::string text;
  llvm::raw_string_ostream stream(text);
  double sum = 0;
  for (const Phase& phase : phases_) {
    stream << llvm::format("%9.2f ms  ", 1e3 * phase.seconds) << phase.name << "\n";
    sum += phase.seconds;
  }
  stream << llvm::format("%9.2f ms  ", 1e3 * sum) << "together\n";
  return text;
}

PhaseTimer::PhaseTimer(PhaseTimes* times, StringRef phase) : times_(times), phase_(phase) {
  if (times_) begin_ = threadSeconds();
}

PhaseTimer::~PhaseTimer() {
  if (times_) times_->add(phase_, threadSeconds() - begin_);
}

}  // namespace heed
