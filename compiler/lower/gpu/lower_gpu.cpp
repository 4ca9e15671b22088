// The GPU's lowering of each kernel kind. Weights are not packed for it.
#include "heed/compiler/lower/gpu/kinds.h"
#include "heed/compiler/lower/lower.h"

namespace heed {

mlir::FailureOr<tile::Lowered> lowerForGpu(const tile::Kernel& kernel, const Target& target,
                                           mlir::ModuleOp module) {
  if (isa<ir::ContractOp>(kernel.op) && !kernel.op->hasAttr("packed"))
    return gpu::lowerContract(kernel, target, module);
  if (isa<ir::AttentionOp>(kernel.op)) return gpu::lowerAttention(kernel, target, module);
  if (isa<ir::RowsOp>(kernel.op)) return gpu::lowerRows(kernel, target, module);
  if (isa<ir::MapOp>(kernel.op)) return gpu::lowerMap(kernel, target, module);
  return kernel.op->emitOpError("expected a kernel op on tensors that are not packed");
}

}  // namespace heed
