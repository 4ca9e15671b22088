// heed-opt FILE [passes…]: runs any pass of the compiler on one file.
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

#include "heed/compiler/jit/context.h"
#include "heed/compiler/lower/lower.h"
#include "heed/compiler/pipeline.h"

using namespace mlir;

namespace {

// Each kernel op's code in place of the functions. Of no use but to be read: the pipeline lowers
// kernels one by one.
struct LowerKernels : PassWrapper<LowerKernels, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerKernels)
  LowerKernels() = default;
  LowerKernels(const LowerKernels& other) : PassWrapper(other) {}
  StringRef getArgument() const final { return "heed-lower-kernels"; }
  StringRef getDescription() const final { return "kernel ops become code"; }
  void getDependentDialects(DialectRegistry& registry) const final {
    heed::jit::registerDialects(registry);
  }
  Option<std::string> name{*this, "target", llvm::cl::desc("target's name"),
                           llvm::cl::init("reference")};

  void runOnOperation() final {
    const heed::Target target = heed::target_by_name(name);
    if (target.name.empty()) {
      getOperation().emitError("unknown target '") << name << "'";
      return signalPassFailure();
    }
    SmallVector<Operation*> ops;
    getOperation().walk([&](Operation* op) {
      if (heed::ir::isKernelOp(op)) ops.push_back(op);
    });
    OwningOpRef<ModuleOp> code = ModuleOp::create(getOperation().getLoc());
    for (auto [n, op] : llvm::enumerate(ops)) {
      std::vector<heed::tile::Layout> layouts;
      for (Value v : op->getOperands())
        layouts.push_back(heed::tile::denseLayout(heed::ir::shapeOf(v)));
      for (Value v : op->getResults())
        layouts.push_back(heed::tile::denseLayout(heed::ir::shapeOf(v)));
      auto kernel = heed::tile::describe(op, "k" + std::to_string(n), layouts);
      if (failed(kernel) || failed(heed::lowerFor(target, *kernel, *code)))
        return signalPassFailure();
    }
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      function.erase();
    for (Operation& op : llvm::make_early_inc_range(*code->getBody())) {
      op.remove();
      getOperation().push_back(&op);
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  DialectRegistry registry;
  heed::jit::registerDialects(registry);
  heed::registerPasses();
  PassRegistration<LowerKernels>();
  registerCanonicalizerPass();
  registerCSEPass();
  registerLoopInvariantCodeMotionPass();
  registerSymbolDCEPass();
  return asMainReturnCode(MlirOptMain(argc, argv, "heed-opt\n", registry));
}
