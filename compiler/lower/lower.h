// From one kernel op to functions of contract 2, for each family of targets.
#pragma once
#include "heed/compiler/lower/tile/kernel.h"
#include "heed/compiler/target.h"
#include "mlir/IR/BuiltinOps.h"

namespace heed {

// All append to `module` and fail with a diagnostic at the op.
mlir::FailureOr<tile::Lowered> lowerForReference(const tile::Kernel& kernel, mlir::ModuleOp module);
mlir::FailureOr<tile::Lowered> lowerForCpu(const tile::Kernel& kernel, const Target& target,
                                           mlir::ModuleOp module);

mlir::FailureOr<tile::Lowered> lowerForGpu(const tile::Kernel& kernel, const Target& target,
                                           mlir::ModuleOp module);
// The one of the three that the target needs.
mlir::FailureOr<tile::Lowered> lowerFor(const Target& target, const tile::Kernel& kernel,
                                        mlir::ModuleOp module);

// Columns of a packed panel of b: what heed.pack's width and heed.contract's `packed` must be for a
// contraction of n columns on this target. The packed layout depends on weight and target only.
std::int64_t panelWidth(const Target& target, std::int64_t columns);

}  // namespace heed
