#include "heed/compiler/fuse/update_in_place.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace heed::fuse {

// What v becomes by the updates that follow it.
static Value lastUpdate(Value v) {
  auto next = [&]() -> Value {
    for (OpOperand& use : v.getUses()) {
      auto loop = dyn_cast<ir::LoopOp>(use.getOwner());
      if (loop ? updatesState(loop, use.getOperandNumber())
               : ir::isAppend(use.getOwner()) && use.getOperandNumber() == 0)
        return use.getOwner()->getResult(use.getOperandNumber());
    }
    return {};
  };
  while (Value updated = next()) v = updated;
  return v;
}

bool mayUpdate(Operation* op, unsigned n) {
  Value x = op->getOperand(n);
  for (OpOperand& use : x.getUses()) {
    Operation *reader = use.getOwner(), *user = op->getBlock()->findAncestorOpInBlock(*reader);
    bool own = reader == op && use.getOperandNumber() == n;
    bool before = (ir::isKernelOp(reader) || isa<ir::LoopOp>(reader)) && user != op &&
                  user->isBeforeInBlock(op);
    if (!own && !before) return false;
  }
  if (Operation* writer = x.getDefiningOp())
    return (ir::isKernelOp(writer) || isa<ir::LoopOp>(writer)) &&
           writer->getBlock() == op->getBlock();
  auto argument = cast<BlockArgument>(x);
  if (argument.getOwner() != op->getBlock()) return false;
  ValueRange ends = op->getBlock()->getTerminator()->getOperands();
  Value last = lastUpdate(op->getResult(n));
  if (isa<ir::LoopOp>(op->getParentOp())) return ends[argument.getArgNumber()] == last;
  return llvm::is_contained(ends, last);
}

bool updatesState(ir::LoopOp loop, unsigned n) {
  Value next = loop.block().getTerminator()->getOperand(n), v = next;
  for (;;) {
    auto inner = v.getDefiningOp<ir::LoopOp>();
    if (ir::isAppend(v.getDefiningOp())) v = v.getDefiningOp()->getOperand(0);
    else if (unsigned k = inner ? cast<OpResult>(v).getResultNumber() : 0;
             inner && k < inner.getInitial().size() && updatesState(inner, k))
      v = inner.getInitial()[k];
    else return v != next && v == loop.block().getArgument(n);
  }
}

}  // namespace heed::fuse
