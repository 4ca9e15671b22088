// What a mask says of a rectangle of queries and keys, worked out at run time by interval
// arithmetic: for masks that no bound on the keys describes, such as documents by number, key
// padding by bools, regions of a shifted window.
#pragma once
#include "heed/compiler/lower/tile/regions.h"

namespace heed::tile {

// Index values, both ends inclusive.
struct Range {
  mlir::Value low, high;
};
// i1: some pair may be live; all pairs surely are.
struct Verdict {
  mlir::Value may, must;
};

// The rectangle, as the lowering sees it. Bools count as 0 and 1.
struct Rectangle {
  mlir::OpBuilder& builder;
  llvm::function_ref<Range(int digit)> digit;
  llvm::function_ref<mlir::Value(const Dim&)> extent;
  // Of an operand's elements; none where looking at them all costs too much.
  llvm::function_ref<std::optional<Range>(int operand)> elements;
  // Of the elements that a lookup finds at some of these indices.
  llvm::function_ref<std::optional<Range>(Lookup, const Range& indices)> found;
};

// Emits what decides; no verdict, and no code that counts, where nothing could ever be decided.
std::optional<Verdict> judgeMask(const Kernel& kernel, mlir::Region& mask,
                                 const Rectangle& rectangle);

// Of each digit of a role (major to minor) while the role's index runs through `whole`.
std::vector<Range> digitRanges(mlir::OpBuilder& builder, Range whole,
                               llvm::ArrayRef<mlir::Value> extents);

}  // namespace heed::tile
