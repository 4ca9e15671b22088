// Which values get a buffer: everything else is computed in a kernel's registers or read through an
// index map.
#pragma once
#include "heed/compiler/dialect/heed.h"
#include "heed/compiler/fuse/combine_parts.h"
#include "heed/compiler/fuse/passes.h"
#include "llvm/ADT/DenseSet.h"

namespace heed::fuse {

// Contractions, reductions, gathers: ops that a kernel is built around.
bool isAnchorOp(mlir::Operation* op);
// Softmax and score contraction of a recognised attention live inside it.
bool insideAttention(mlir::Operation* op);
// Computed from parameters, buffers and constants alone.
bool dependsOnParametersOnly(mlir::Value value);
// The same or a constant table: whatever may be computed when weights are bound.
bool dependsOnNoInput(mlir::Value value);

struct Buffers {
  llvm::DenseSet<mlir::Value> values;
  std::vector<Combined> combined;
};

// Among the values of one block: @main's or a loop's. What a loop in it reads is chosen, so that
// loops read buffers. parts: see Target::parts.
Buffers chooseBuffers(mlir::Block& block, Fusion fusion, bool parts);
// Ops that are read through wherever they stand.
bool isLeafOp(mlir::Operation* op);

}  // namespace heed::fuse
