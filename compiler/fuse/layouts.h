// What layout assignment says about values to the passes behind it.
#pragma once
#include "heed/compiler/dialect/heed.h"

namespace heed::fuse {

// A permute with this mark is how its value lies in memory: it gets the buffer, not its operand.
inline constexpr llvm::StringLiteral keeps_buffer = "heed.keeps_buffer";
// An op with this mark is a way of reading or a part of a larger op: it never has a buffer of its own accord.
inline constexpr llvm::StringLiteral read_through = "heed.read_through";

// Windows, and layouts of them: elements occur several times.
bool overlaps(mlir::Value v);
// Stride, padding or dilation of a convolution along an axis of its input.
std::int64_t convolutionStep(mlir::Operation* op, llvm::StringRef name, int axis);

}  // namespace heed::fuse
