// heed.map: an invocation computes one element.
#include <limits>

#include "heed/compiler/lower/gpu/kinds.h"
#include "heed/compiler/lower/gpu/point.h"
#include "heed/compiler/lower/tile/merge_digits.h"

using namespace mlir;

namespace heed::gpu {

Lowering lowerMap(const tile::Kernel& given, const Target& target, ModuleOp module) {
  tile::Kernel kernel = tile::mergeDigits(given, std::numeric_limits<int64_t>::max());
  Simt e(kernel, target, module);
  return e.write(kernel.extentOf('i'), e.limits.invocations, [&] {
    Value item = e.add(e.firstItem, e.invocation);
    e.when(e.below(item, e.work), [&] {
      Point at(e);
      at.set('i', item);
      for (auto [n, x] : llvm::enumerate(at.region(cast<ir::MapOp>(kernel.op).getBody(), {}, 0)))
        at.store(int(n), x);
    });
  });
}

}  // namespace heed::gpu
