// Rows to columns, in registers.
#pragma once
#include <array>

#include "heed/compiler/lower/cpu/emit.h"

namespace heed::cpu {

// Reads four elements at rows[r] + column of each of lanes() rows; result c is column + c of them
// all. Needs at least 4 lanes.
std::array<Value, 4> fourColumns(Emit& e, Value source, llvm::ArrayRef<Value> rows, Value column);

}  // namespace heed::cpu
