// The MLIR context of a compilation: the heed dialect and the upstream dialects in use, never all
// of them.
#pragma once
#include <memory>

#include "mlir/IR/Dialect.h"
#include "mlir/IR/MLIRContext.h"

namespace heed::jit {

void registerDialects(mlir::DialectRegistry& registry);

// Every dialect is loaded at once: lowering adds none, so several threads may compile modules of
// one context.
std::unique_ptr<mlir::MLIRContext> newContext();

}  // namespace heed::jit
