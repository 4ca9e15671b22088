// Which values get a buffer: everything else is computed in a kernel's registers or read through an index map.
#pragma once
#include "heed/compiler/dialect/heed.h"
#include "heed/compiler/fuse/passes.h"
#include "llvm/ADT/DenseSet.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace heed::fuse {

// Contractions, reductions, gathers: ops that a kernel is built around.
bool isAnchorOp(mlir::Operation* op);
// Softmax and score contraction of a recognised attention live inside it.
bool insideAttention(mlir::Operation* op);
// Computed from parameters, buffers and constants alone.
bool dependsOnParametersOnly(mlir::Value value);
// The same or a constant table: whatever may be computed when weights are bound.
bool dependsOnNoInput(mlir::Value value);

llvm::DenseSet<mlir::Value> chooseBuffers(mlir::func::FuncOp main, Fusion fusion);

}  // namespace heed::fuse
