// From kernels on scf, vector and memref to the LLVM dialect, with the entry points of contract 2.
#pragma once
#include "heed/compiler/phase_times.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

namespace heed::jit {

// For a module as described at tile::Lowered. Afterwards each {heed.kernel} function has the
// signature of runtime/abi/kernel.h and calls its body, "<name>.body", which keeps pointers without
// aliases as its arguments.
mlir::LogicalResult lowerToLLVM(mlir::ModuleOp module, PhaseTimes* times = nullptr);

// The passes of it.
void addLoweringPasses(mlir::PassManager& passes);

}  // namespace heed::jit
