// The public entry point of a kernel, as contract 2 (runtime/abi/kernel.h) says.
#pragma once
#include "mlir/IR/BuiltinOps.h"

namespace heed::jit {

// For each llvm.func marked {heed.kernel} with arguments (buffers, dims, begin, end, scratch), as
// pointers and i64: the function becomes internal under another name, its own name goes to an entry
// that unpacks the arrays and calls it. Pointers loaded from an array would lose "noalias"; as
// arguments of the body they keep it. Helpers become internal, but for those marked {heed.shared}.
mlir::LogicalResult addKernelEntries(mlir::ModuleOp module);

}  // namespace heed::jit
