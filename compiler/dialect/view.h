// Layout ops that are views: their elements are elements of the operand, a fixed distance apart
// along each axis, so that a kernel can read them where the operand lies.
#pragma once
#include <optional>

#include "heed/compiler/dialect/heed.h"

namespace heed::ir {

// For each axis of `to` the axis of `from` that it is a part of, -1 for an axis of extent 1;
// nullopt where a reshape joins axes, which may be apart.
std::optional<llvm::SmallVector<int>> splitAxes(const Shape& from, const Shape& to);

// A slice, a permute, or a reshape that only splits axes.
bool isView(mlir::Operation* op);

}  // namespace heed::ir
