#include "heed/compiler/fuse/layouts.h"

using namespace mlir;

namespace heed::fuse {

bool overlaps(Value v) {
  Operation* op = v.getDefiningOp();
  if (!op) return false;
  if (isa<ir::WindowOp>(op)) return true;
  bool passes = ir::isLayoutOp(op) || (op->hasAttr(read_through) && ir::isScalarOp(op));
  return passes && overlaps(op->getOperand(0));
}

int64_t convolutionStep(Operation* op, StringRef name, int axis) {
  if (auto one = op->getAttrOfType<IntegerAttr>(name)) return one.getInt();
  return op->getAttrOfType<DenseI64ArrayAttr>(name)[axis - 2];
}

}  // namespace heed::fuse
