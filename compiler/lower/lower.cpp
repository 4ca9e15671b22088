#include "heed/compiler/lower/lower.h"

namespace heed {

mlir::FailureOr<tile::Lowered> lowerFor(const Target& target, const tile::Kernel& kernel,
                                        mlir::ModuleOp module) {
  if (target.reference) return lowerForReference(kernel, module);
  if (target.vulkan) return lowerForGpu(kernel, target, module);
  return lowerForCpu(kernel, target, module);
}

}  // namespace heed
