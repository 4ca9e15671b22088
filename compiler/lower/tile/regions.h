// A kernel's region as code: one value, scalar or a vector of lanes, for each scalar of the region.
// Targets say how operands are read, where they stand and what the transcendental functions are;
// the rest is arith. f32 (f16, bf16 too) becomes f32, bool i1, integers i32: positions, indices and
// extents fit.
#pragma once
#include "heed/compiler/lower/tile/kernel.h"
#include "mlir/IR/Builders.h"

namespace heed::tile {

// Functions that no machine has as one instruction.
enum class Function {
  exp, log, sqrt, rsqrt, tanh, sigmoid, erf, sin, cos, gelu, silu, pow, random
};

// An element of a table, at an index that the region computes.
struct Lookup {
  int operand;        // of the kernel: the table
  int axis;           // along which the index counts
  mlir::Value index;  // i32 lanes
  ir::LookupOp op;    // what is known of it when compiling: see lookup.h
};
// Of attention; without an index for what is known when compiling.
Lookup lookupOf(ir::LookupOp op, mlir::Value index = {});

struct RegionTarget {
  mlir::OpBuilder& builder;
  int lanes;  // 0: scalars
  // Operand n of the kernel, as stored in its region type: i1, i32 or f32 lanes.
  llvm::function_ref<mlir::Value(int operand)> load;
  // An integer combination of digits and symbols, in i32 lanes.
  llvm::function_ref<mlir::Value(mlir::AffineMap)> coordinate;
  llvm::function_ref<mlir::Value(const Dim&)> extent;  // the same of one dimension
  // pow has two arguments, random three, i32 as its result, all others one.
  llvm::function_ref<mlir::Value(Function, mlir::ValueRange)> math;
  // The element as `load` gives it; for attention's scores and masks only.
  llvm::function_ref<mlir::Value(Lookup)> lookup = nullptr;
};

// What the region yields. `leading` are the values that it transforms, nulls or none where it has
// none; captured operands are numbered from `captured` in the kernel's ins.
mlir::FailureOr<llvm::SmallVector<mlir::Value>> emitRegion(mlir::Region& region,
                                                           mlir::ValueRange leading, int captured,
                                                           const RegionTarget& target);

// The region passes its leading value through.
bool isIdentity(mlir::Region& region);
// The kernel's operand that a region's argument stands for; none for its leading value.
std::optional<int> operandOf(mlir::BlockArgument argument, int captured, int operands);
// What a value of an element type is in regions: f32, i1 or i32.
mlir::Type regionElement(mlir::Type element);
// ⌊x / y⌋ of integers, scalars or lanes, and what op.h says where there is no such number: no lane
// may make the machine trap, not even one that nobody reads. Cheap for a constant y > 0.
mlir::Value floorQuotient(mlir::OpBuilder& b, mlir::Location loc, mlir::Value x, mlir::Value y);

}  // namespace heed::tile
