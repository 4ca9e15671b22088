// Rows to columns, and sums along rows, in registers.
#pragma once
#include <array>

#include "heed/compiler/lower/cpu/emit.h"

namespace heed::cpu {

// Reads four elements at rows[r] + column of each of lanes() rows; result c is column + c of them
// all. Needs at least 4 lanes.
std::array<Value, 4> fourColumns(Emit& e, Value source, llvm::ArrayRef<Value> rows, Value column);

// A vector of elements of x (0–3) and y (4–7), picked alike within each 128-bit quarter of them.
Value withinQuarters(Emit& e, Value x, Value y, std::array<int, 4> pick);

// Lane l: the sum of the lanes of x[l mod 4].
Value sumsOfFour(Emit& e, const std::array<Value, 4>& x);

}  // namespace heed::cpu
