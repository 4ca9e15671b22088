// Kernels that do the same at the same places are one kernel: they are lowered and compiled once.
#pragma once
#include <map>

#include "heed/compiler/lower/lower.h"
#include "heed/compiler/plan/memory.h"

namespace heed::plan {

struct SharedKernel {
  std::string name;                                     // stem of its functions
  // holds just this op, its operands as arguments
  mlir::OwningOpRef<mlir::ModuleOp> alone;
  mlir::OwningOpRef<mlir::ModuleOp> code;               // its functions
  tile::Kernel kernel;
  tile::Lowered lowered;
};

class KernelLibrary {
 public:
  // The kernel of `op` under this plan; made on the first call for its kind, shape, regions and
  // layouts.
  mlir::FailureOr<SharedKernel*> kernelOf(mlir::Operation* op, const MemoryPlan& plan);
  std::vector<SharedKernel*> all();

 private:
  std::map<std::string, std::unique_ptr<SharedKernel>> kernels_;  // by text
  std::vector<SharedKernel*> order_;
};

}  // namespace heed::plan
