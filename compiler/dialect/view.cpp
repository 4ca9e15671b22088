#include "heed/compiler/dialect/view.h"

using namespace mlir;

namespace heed::ir {

std::optional<SmallVector<int>> splitAxes(const Shape& from, const Shape& to) {
  SmallVector<int> axes(to.rank, -1);
  int next = to.rank;
  for (int axis = from.rank; axis-- > 0;)
    for (Dim have(1); !(have == from.dims[axis]);) {
      if (next == 0) return {};
      if (to.dims[--next] == Dim(1)) continue;
      axes[next] = axis;
      have = have * to.dims[next];
      if (have.is_static() && from.dims[axis].is_static() &&
          have.constant > from.dims[axis].constant)
        return {};
    }
  return axes;
}

bool isView(Operation* op) {
  if (isa_and_nonnull<SliceOp, PermuteOp>(op)) return true;
  return isa_and_nonnull<ReshapeOp>(op) &&
         splitAxes(shapeOf(op->getOperand(0)), shapeOf(op->getResult(0)));
}

}  // namespace heed::ir
