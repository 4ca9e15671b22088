// Verifiers and folders of the dialect.
#include "heed/compiler/dialect/heed.h"

using namespace mlir;

namespace heed::ir {

LogicalResult verifyByShapeRules(Operation*) { return success(); }
LogicalResult verifyKernel(Operation*) { return success(); }

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValueAttr(); }

}  // namespace heed::ir
