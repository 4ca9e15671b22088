// Every phase of the compiler, in order.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "heed/compiler/fuse/passes.h"
#include "heed/compiler/phase_times.h"
#include "heed/compiler/target.h"
#include "heed/dsl/graph/graph.h"
#include "heed/runtime/abi/program.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LLVM.h"

namespace heed {

struct CompileOptions {
  Target target;
  Fusion fusion = Fusion::all;
  std::vector<std::string> probes;
  int threads = 1;
  // Called with a phase's name and text for the phases in print_after.
  std::vector<std::string> print_after;
  std::function<void(std::string_view phase, std::string_view text)> print;
  PhaseTimes* times = nullptr;  // told how long each phase took
};

// graph → program. Fails with a diagnostic.
mlir::FailureOr<abi::Program> compile(mlir::MLIRContext* context, const graph::Module& graph,
                                      const CompileOptions& options);

// Makes every pass known to heed-opt by its name.
void registerPasses();

}  // namespace heed
