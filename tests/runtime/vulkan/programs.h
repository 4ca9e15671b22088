// Hand-built programs of SPIR-V modules, which spirv-as has assembled from the texts in this
// folder.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "heed/runtime/abi/program.h"
#include "heed/runtime/checkpoint.h"

namespace heed::testing {

std::vector<std::byte> spirv(const std::string& name);  // of name.spvasm

// sample_program for a GPU: the same inputs, outputs, weights and values.
abi::Program sample_gpu_program();
// x [B], turns [T] → y [B]: for turn t of T, from 1 or in reverse, y = (y * 2 + 3 t) * 2 + 1, at
// first y = x.
abi::Program loop_program(bool reverse);
// The same inputs: y = y * 2 + 3 t, until no element is below 100.
abi::Program stopping_program();
// tokens i64 [B], kept bool [B], table [T] → y [B] = kept ? table[tokens] : 0
abi::Program gather_program();
Checkpoint no_weights();

}  // namespace heed::testing
