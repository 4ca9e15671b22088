// SPIR-V modules from kernels, for Vulkan 1.1.
#pragma once
#include "mlir/Pass/PassManager.h"

#include "heed/compiler/jit/codegen.h"

namespace heed::jit {

// The module holds one gpu.module as lower/gpu/simt.h describes it and is left with a spirv.module
// beside it. The result is SPIR-V 1.3 as runtime/abi/gpu_kernel.h wants it. `dump` gets the spirv
// dialect, which has an op an instruction, for each text it asks for. Any number of threads may
// compile modules of one context.
mlir::FailureOr<std::vector<std::byte>> compileToSpirv(mlir::ModuleOp module,
                                                       CodegenDump* dump = nullptr);

// The passes of it.
void addSpirvPasses(mlir::PassManager& passes);

}  // namespace heed::jit
