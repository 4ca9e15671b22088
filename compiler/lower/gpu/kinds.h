// One function a kernel kind; lower_gpu.cpp chooses. Each appends to `module` and fails with a
// diagnostic at the op.
#pragma once
#include "heed/compiler/lower/tile/kernel.h"
#include "heed/compiler/target.h"
#include "mlir/IR/BuiltinOps.h"

namespace heed::gpu {

using Lowering = mlir::FailureOr<tile::Lowered>;

Lowering lowerContract(const tile::Kernel& kernel, const Target& target, mlir::ModuleOp module);
Lowering lowerAttention(const tile::Kernel& kernel, const Target& target, mlir::ModuleOp module);
Lowering lowerRows(const tile::Kernel& kernel, const Target& target, mlir::ModuleOp module);
Lowering lowerMap(const tile::Kernel& kernel, const Target& target, mlir::ModuleOp module);

}  // namespace heed::gpu
