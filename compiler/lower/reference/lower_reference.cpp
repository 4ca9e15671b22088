// The reference target: every kernel kind as plain loops, each access checked, sums in f64. The
// tests' oracle.
#include "llvm/ADT/TypeSwitch.h"

#include "heed/compiler/lower/lower.h"
#include "heed/compiler/lower/reference/kinds.h"

using namespace mlir;

namespace heed {

FailureOr<tile::Lowered> lowerForReference(const tile::Kernel& kernel, ModuleOp module) {
  reference::Writer w(kernel, module);
  return llvm::TypeSwitch<Operation*, FailureOr<tile::Lowered>>(kernel.op)
      .Case<ir::ContractOp>([&](auto op) { return reference::contract(w, op); })
      .Case<ir::AttentionOp>([&](auto op) { return reference::attention(w, op); })
      .Case<ir::RowsOp>([&](auto op) { return reference::rows(w, op); })
      .Case<ir::MapOp>([&](auto op) { return reference::map(w, op); })
      .Case<ir::PackOp>([&](auto op) { return reference::pack(w, op); })
      .Default([](Operation* op) { return op->emitOpError("expected a kernel"); });
}

}  // namespace heed
