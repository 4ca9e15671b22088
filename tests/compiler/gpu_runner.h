// Kernel ops written as .mlir text as a program of a target "vulkan…", which a session can run
// where there is a device.
#pragma once
#include <string>
#include <string_view>

#include "heed/runtime/abi/program.h"
#include "heed/tests/compiler/kernel_runner.h"

namespace heed::test {

// Arguments are the program's inputs, what the function returns its outputs. Throws
// std::runtime_error with the diagnostics.
abi::Program gpu_program(std::string_view text, const std::string& target);
// What spirv-val finds in its modules; empty: nothing, or no spirv-val to ask.
std::string invalid_spirv(const abi::Program& program);

// Runs it on the device; a session's Error becomes status 1.
Outcome run_on_gpu(abi::Program program, const std::vector<Array>& inputs, const Symbols& symbols);

}  // namespace heed::test
