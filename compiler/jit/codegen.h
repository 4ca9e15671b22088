// Machine code from kernels: a relocatable ELF object that runtime/code.h loads without LLVM.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "mlir/IR/BuiltinOps.h"

#include "heed/compiler/phase_times.h"
#include "heed/compiler/target.h"

namespace heed::jit {

// Text of the stages to look at; set what is wanted.
struct CodegenDump {
  std::string* llvm_dialect = nullptr;
  std::string* llvm_ir = nullptr;  // optimised
  std::string* assembly = nullptr;
  PhaseTimes* times = nullptr;
};

// The module holds func.func kernels as described at tile::Lowered and is left lowered to the LLVM
// dialect. The object needs nothing from outside but memcpy, memset and libm. Any number of threads
// may compile modules of one context (newContext) or of several.
mlir::FailureOr<std::vector<std::byte>> compileToObject(mlir::ModuleOp module, const Target& target,
                                                        CodegenDump* dump = nullptr);

}  // namespace heed::jit
