// Contract 1 → the heed dialect, one op for one node, one function for one module body. No
// cleverness.
#pragma once
#include "heed/dsl/graph/graph.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace heed {

// The last function of `graph` becomes @main. `graph` must have passed the decoder, which applies
// the shape rules.
mlir::OwningOpRef<mlir::ModuleOp> importGraph(mlir::MLIRContext* context,
                                              const graph::Module& graph);

}  // namespace heed
