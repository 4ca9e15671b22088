// Indices that may differ from lane to lane, and affine expressions of them.
#pragma once
#include "heed/compiler/lower/cpu/emit.h"
#include "mlir/IR/AffineMap.h"

namespace heed::cpu {

// scalar + lanes, an index and i32 lanes; either may be null, both for a digit that does not run
// (it counts as 0).
struct LaneIndex {
  Value scalar, lanes;
};

Value widened(Emit& e, Value index);         // as i32 lanes
Value lanesOf(Emit& e, const LaneIndex& x);  // both parts

// A roll's shift in [0, modulus), however far it is: sums with it are never below 0.
Value shiftOf(Emit& e, const tile::Rolled& rolled);

// Digits and the kernel's symbols combined. x mod n needs x ≥ -n, floordiv x ≥ 0.
LaneIndex evaluate(Emit& e, mlir::AffineExpr expression, llvm::ArrayRef<LaneIndex> digits);

// The access lies within its tensor: i1, in lanes where a coordinate differs between them. Null for
// a scalar's.
Value withinBounds(Emit& e, const tile::Access& access, llvm::ArrayRef<LaneIndex> digits);

}  // namespace heed::cpu
