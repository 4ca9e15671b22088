// One function a kernel kind; lower_cpu.cpp chooses. Each appends to `module` and fails with a
// diagnostic at the op.
#pragma once
#include "heed/compiler/lower/tile/kernel.h"
#include "heed/compiler/target.h"
#include "mlir/IR/BuiltinOps.h"

namespace heed::cpu {

using Lowering = mlir::FailureOr<tile::Lowered>;

inline constexpr std::int64_t float_bytes = sizeof(float);
// of rows and maps: what is worth waking a thread for
inline constexpr std::int64_t elements_a_thread = 16384;

Lowering lowerContract(const tile::Kernel& kernel, const Target& target, mlir::ModuleOp module);
Lowering lowerPack(const tile::Kernel& kernel, const Target& target, mlir::ModuleOp module);
Lowering lowerAttention(const tile::Kernel& kernel, const Target& target, mlir::ModuleOp module);
Lowering lowerRows(const tile::Kernel& kernel, const Target& target, mlir::ModuleOp module);
Lowering lowerMap(const tile::Kernel& kernel, const Target& target, mlir::ModuleOp module);

}  // namespace heed::cpu
