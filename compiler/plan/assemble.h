// From kernels on tensors to a program: places, launches, machine code.
#pragma once
#include "heed/compiler/pipeline.h"
#include "mlir/IR/BuiltinOps.h"

namespace heed {

// `module` holds @prepare and @main as hoist_prepare leaves them. Identical kernels are lowered
// once.
mlir::FailureOr<abi::Program> assembleProgram(mlir::ModuleOp module, const graph::Module& graph,
                                              const CompileOptions& options);

}  // namespace heed
