// The CPU's lowering of each kernel kind.
#include "heed/compiler/lower/cpu/kinds.h"
#include "heed/compiler/lower/lower.h"

namespace heed {

mlir::FailureOr<tile::Lowered> lowerForCpu(const tile::Kernel& kernel, const Target& target,
                                           mlir::ModuleOp module) {
  if (isa<ir::ContractOp>(kernel.op)) return cpu::lowerContract(kernel, target, module);
  if (isa<ir::PackOp>(kernel.op)) return cpu::lowerPack(kernel, target, module);
  if (isa<ir::AttentionOp>(kernel.op)) return cpu::lowerAttention(kernel, target, module);
  if (isa<ir::RowsOp>(kernel.op)) return cpu::lowerRows(kernel, target, module);
  if (isa<ir::MapOp>(kernel.op)) return cpu::lowerMap(kernel, target, module);
  return kernel.op->emitOpError("expected a kernel op");
}

}  // namespace heed
