#include "heed/compiler/fuse/update_in_place.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace heed::fuse {

bool mayUpdate(Value x, Operation* append) {
  for (OpOperand& use : x.getUses()) {
    Operation* user = append->getBlock()->findAncestorOpInBlock(*use.getOwner());
    if (user == append ? use.getOperandNumber() != 0 : !ir::isKernelOp(use.getOwner()) || !user->isBeforeInBlock(append))
      return false;
  }
  if (Operation* op = x.getDefiningOp()) return ir::isKernelOp(op) && op->getBlock() == append->getBlock();
  // An input of @main, where a result takes its place.
  if (!isa<func::FuncOp>(append->getParentOp())) return false;
  Value last = append->getResult(0);
  auto next = [&]() -> Operation* {
    for (OpOperand& use : last.getUses())
      if (ir::isAppend(use.getOwner()) && use.getOperandNumber() == 0) return use.getOwner();
    return nullptr;
  };
  while (Operation* op = next()) last = op->getResult(0);
  return llvm::is_contained(append->getBlock()->getTerminator()->getOperands(), last);
}

}  // namespace heed::fuse
