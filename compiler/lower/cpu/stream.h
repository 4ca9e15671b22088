// Loops of streaming kernels: which digit runs along the lanes, ranges of elements, lanes with
// their tail.
#pragma once
#include "heed/compiler/lower/cpu/cursor.h"
#include "heed/compiler/lower/tile/access.h"

namespace heed::cpu {

// The digit whose lanes make loads and stores cheapest, or -1 where all extents are 1. A role in
// `reduced` pays for the reduction across lanes.
int chooseLanes(const tile::Kernel& kernel, const Target& target, char reduced = 0);

// Digits of the role, major to minor, without those of extent 1; `last`, where it is one of them,
// at the end.
std::vector<int> loopOrder(const tile::Kernel& kernel, char role, int last);

// Elements [begin, end) of the digits read as one number, the last one fastest: `run` for each
// piece [low, high) of the last digit, the others being set.
void forEachRun(Emit& e, const Cursor& cursor, llvm::ArrayRef<int> digits, Value begin, Value end,
                llvm::function_ref<void(const Cursor&, Value low, Value high)> run);

// [low, high) of a digit in lanes. The tail is a masked vector where the target has masks, and
// single elements where it has not.
void forLanes(Emit& e, const Cursor& cursor, int digit, Value low, Value high,
              llvm::function_ref<void(Cursor&, Value at)> body);

}  // namespace heed::cpu
