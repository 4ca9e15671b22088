// What passes say about values to those behind them.
#pragma once
#include "heed/compiler/dialect/heed.h"

namespace heed::fuse {

// A permute with this mark is how its value lies in memory: it gets the buffer, not its operand.
inline constexpr llvm::StringLiteral keeps_buffer = "heed.keeps_buffer";
// An op with this mark is a way of reading or a part of a larger op: it never has a buffer of its
// own accord.
inline constexpr llvm::StringLiteral read_through = "heed.read_through";
// A gather with this mark is read by scores of recognised attention alone: their regions look its
// elements up.
inline constexpr llvm::StringLiteral in_scores = "heed.in_scores";

// Windows, and layouts of them: elements occur several times.
bool overlaps(mlir::Value v);
// Stride, padding or dilation of a convolution along an axis of its input.
std::int64_t convolutionStep(mlir::Operation* op, llvm::StringRef name, int axis);

}  // namespace heed::fuse
