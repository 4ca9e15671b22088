// Depthwise convolution and pooling with channels in lanes: windows that slide along an axis are
// folded several neighbours at a time, so that what they share is loaded once and each addition has
// others to hide behind.
#pragma once
#include "heed/compiler/lower/cpu/row_loops.h"

namespace heed::cpu {

struct RowWindows {
  int output = -1, tap = -1;  // digits: the windows' place, and the last one of k
  std::int64_t outputs = 0, taps = 0;
  // elements of operand 0 from one output to the next, and from one tap to the next
  std::int64_t outputStep = 0, tapStep = 0;
  // The axis they slide along: coordinate = stride · output + tap - padding, and only those in
  // [0, size) count; without a size, all.
  std::int64_t stride = 0, padding = 0;
  std::optional<std::int64_t> size;
  std::int64_t block = 0;  // outputs that are folded together

  bool inside(std::int64_t output, std::int64_t tap) const {
    const std::int64_t x = stride * output + tap - padding;
    return !size || (x >= 0 && x < *size);
  }
  bool insideAll(std::int64_t output) const {
    return inside(output, 0) && inside(output, taps - 1);
  }
};

// Of a kernel whose loops are `order`, slowest first, the lanes' digit last; nullopt where
// neighbours share little or sizes are not known.
std::optional<RowWindows> rowWindowsOf(const tile::Kernel& kernel, llvm::ArrayRef<int> order,
                                       const RowLoops& loops);

// Outputs [first, first + count), `first` where it is the same in every turn.
struct OutputBlock {
  std::optional<std::int64_t> first;
  std::int64_t count;
};
// For each block of outputs: body(a cursor at its first one, block).
void forEachBlock(Emit& e, const RowWindows& windows, const Cursor& at,
                  llvm::function_ref<void(const Cursor&, const OutputBlock&)> body);

// What each output of a block folds to; `at` is the first one, in lanes where lanes run.
Values foldBlock(const RowLoops& loops, const RowWindows& windows, const Cursor& at,
                 const OutputBlock& block, Fold kind, Type element,
                 llvm::function_ref<Value(Cursor&)> value);

}  // namespace heed::cpu
