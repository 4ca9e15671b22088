// Verifiers and folders of the dialect.
#include "heed/compiler/dialect/heed.h"

#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;

namespace heed::ir {

LogicalResult verifyByShapeRules(Operation*) { return success(); }
LogicalResult verifyKernel(Operation*) { return success(); }

// The callee exists and has the operands' and results' types.
static LogicalResult verifyCallee(Operation* op, FlatSymbolRefAttr name, SymbolTableCollection& symbols) {
  auto callee = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(op, name);
  if (!callee) return op->emitOpError("expected a function named ") << name;
  if (!llvm::equal(callee.getArgumentTypes(), op->getOperandTypes()) ||
      !llvm::equal(callee.getResultTypes(), op->getResultTypes()))
    return op->emitOpError("expected the types of ") << name << ", " << callee.getFunctionType();
  return success();
}
LogicalResult CallOp::verifySymbolUses(SymbolTableCollection& symbols) {
  return verifyCallee(*this, getCalleeAttr(), symbols);
}
LogicalResult RepeatOp::verifySymbolUses(SymbolTableCollection& symbols) {
  return verifyCallee(*this, getCalleeAttr(), symbols);
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValueAttr(); }

}  // namespace heed::ir
