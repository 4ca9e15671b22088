// Blocks of W rows by W columns, turned in registers.
#pragma once
#include "heed/compiler/lower/cpu/emit.h"

namespace heed::cpu {

// Reads lanes() rows at rows[r] + column and hands out column c of the block, for every c below lanes().
// Needs at least 4 lanes.
void transposeBlock(Emit& e, Value source, llvm::ArrayRef<Value> rows, Value column,
                    llvm::function_ref<void(int, Value)> out);

}  // namespace heed::cpu
