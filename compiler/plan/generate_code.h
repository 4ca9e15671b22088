// Machine code or SPIR-V of a program's kernels, made on several threads.
#pragma once
#include "heed/compiler/pipeline.h"
#include "heed/compiler/plan/share_kernels.h"

namespace heed::plan {

struct Objects {
  std::vector<std::vector<std::byte>> code;  // as abi::Program has it
  llvm::StringMap<std::int32_t> of;          // function → index into code
};

// Takes the functions out of the kernels' modules. Which kernels share an object depends on the
// kernels alone, so that any number of threads makes the same bytes. Fails with diagnostics, in the
// order of kernels.
mlir::FailureOr<Objects> generateCode(llvm::ArrayRef<SharedKernel*> kernels,
                                      const CompileOptions& options);

}  // namespace heed::plan
