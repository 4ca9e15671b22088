// Elementwise work on the equal parts of a product's columns, split<3, -1>(matmul(x, w) + b): the
// gates of GRU cells, gated linear units. One kernel computes the product and what becomes
// of it, so that the parts never lie in memory.
#pragma once
#include <optional>

#include "heed/compiler/dialect/heed.h"
#include "llvm/ADT/SmallPtrSet.h"

namespace heed::fuse {

struct Combined {
  std::int64_t parts = 0;
  llvm::SmallVector<mlir::Value> values;                // what others read, in program order
  llvm::SmallPtrSet<mlir::Operation*, 16> members;      // from behind the product to the last value
};

// Of this product; nothing where its columns are not split, parts are read otherwise, or a part is
// so narrow that its vectors would be half empty. hasBuffer: somebody else reads the value.
// available: a kernel that comes later can read or recompute it.
std::optional<Combined> combinedParts(mlir::Operation* product,
                                      llvm::function_ref<bool(mlir::Value)> hasBuffer,
                                      llvm::function_ref<bool(mlir::Value)> available);

}  // namespace heed::fuse
