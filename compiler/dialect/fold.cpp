// Folders: what is its operand already, and chains of one layout op. Only what is exact in floating
// point.
#include "heed/compiler/dialect/heed.h"

using namespace mlir;

namespace heed::ir {
namespace {

// The operand, where it has the result's type: op(x) = x.
OpFoldResult same(Value x, Value result) {
  return x.getType() == result.getType() ? OpFoldResult(x) : nullptr;
}

bool isNumber(Attribute constant, double number) {
  auto value = dyn_cast_or_null<FloatAttr>(constant);
  return value && value.getValueAsDouble() == number;
}

// f(f(x)) = x
template <class Op>
OpFoldResult undone(Op op) {
  auto inner = op.getX().template getDefiningOp<Op>();
  return inner ? same(inner.getX(), op.getResult()) : nullptr;
}
// f(f(x)) = f(x)
template <class Op>
OpFoldResult repeated(Op op) {
  return op.getX().template getDefiningOp<Op>() ? same(op.getX(), op.getResult()) : nullptr;
}

}  // namespace

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValueAttr(); }

// ---- scalar ops ----

OpFoldResult SubOp::fold(FoldAdaptor constants) {
  return isNumber(constants.getY(), 0) ? same(getX(), getResult()) : nullptr;
}
OpFoldResult MulOp::fold(FoldAdaptor constants) {  // a constant stands on the right
  return isNumber(constants.getY(), 1) ? same(getX(), getResult()) : nullptr;
}
OpFoldResult DivOp::fold(FoldAdaptor constants) {
  return isNumber(constants.getY(), 1) ? same(getX(), getResult()) : nullptr;
}
OpFoldResult PowOp::fold(FoldAdaptor constants) {
  return isNumber(constants.getY(), 1) ? same(getX(), getResult()) : nullptr;
}
OpFoldResult WhereOp::fold(FoldAdaptor) {
  return getThenValue() == getElseValue() ? same(getThenValue(), getResult()) : nullptr;
}
OpFoldResult CastOp::fold(FoldAdaptor) { return same(getX(), getResult()); }
OpFoldResult NegOp::fold(FoldAdaptor) { return undone(*this); }
OpFoldResult LogicalNotOp::fold(FoldAdaptor) { return undone(*this); }
OpFoldResult AbsOp::fold(FoldAdaptor) { return repeated(*this); }
OpFoldResult ReluOp::fold(FoldAdaptor) { return repeated(*this); }

// ---- layout ops ----

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (OpFoldResult x = same(getX(), getResult())) return x;
  auto inner = getX().getDefiningOp<ReshapeOp>();
  if (!inner) return nullptr;
  getXMutable().assign(inner.getX());
  return getResult();
}

OpFoldResult PermuteOp::fold(FoldAdaptor) {
  ArrayRef<int64_t> order = getPermutation();
  if (llvm::equal(order, llvm::seq<int64_t>(order.size()))) return same(getX(), getResult());
  auto inner = getX().getDefiningOp<PermuteOp>();
  if (!inner) return nullptr;
  SmallVector<int64_t> through;
  for (int64_t axis : order) through.push_back(inner.getPermutation()[axis]);
  getXMutable().assign(inner.getX());
  setPermutation(through);
  return getResult();
}

OpFoldResult RollOp::fold(FoldAdaptor) {
  if (getShift() == 0) return same(getX(), getResult());
  auto inner = getX().getDefiningOp<RollOp>();
  Shape shape = shapeOf(getX());
  if (!inner || axisIn(shape, inner.getAxis()) != axisIn(shape, getAxis())) return nullptr;
  setShift(getShift() + inner.getShift());
  getXMutable().assign(inner.getX());
  return getResult();
}

// A slice or padding that keeps the type keeps every element.
OpFoldResult SliceOp::fold(FoldAdaptor) { return same(getX(), getResult()); }
OpFoldResult PadOp::fold(FoldAdaptor) { return same(getX(), getResult()); }
OpFoldResult WindowOp::fold(FoldAdaptor) { return nullptr; }
OpFoldResult BroadcastOp::fold(FoldAdaptor) { return same(getX(), getResult()); }
OpFoldResult ConcatOp::fold(FoldAdaptor) {
  return getXs().size() == 1 ? same(getXs().front(), getResult()) : nullptr;
}

}  // namespace heed::ir
