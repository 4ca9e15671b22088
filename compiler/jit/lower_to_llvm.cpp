#include "heed/compiler/jit/lower_to_llvm.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/Passes.h"

#include "heed/compiler/jit/kernel_entry.h"

using namespace mlir;

namespace heed::jit {

namespace {

// All dialects at once: a pass for each of them looks at every operation again, a fifth of the time
// altogether. Vectors have one axis and no transfers, so that upstream's preparing rewrites find
// nothing to do.
class ToLLVM final : public PassWrapper<ToLLVM, OperationPass<ModuleOp>> {
 public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ToLLVM)
  StringRef getArgument() const override { return "heed-to-llvm"; }
  StringRef getName() const override { return "ToLLVM"; }
  void getDependentDialects(DialectRegistry& registry) const override {
    registry.insert<LLVM::LLVMDialect>();
  }

  void runOnOperation() override {
    LowerToLLVMOptions options(&getContext());
    options.useBarePtrCallConv = true;
    LLVMTypeConverter converter(&getContext(), options);
    RewritePatternSet patterns(&getContext());
    // what LLVM has no intrinsic for
    populateMathToLibmConversionPatterns(patterns, /*benefit=*/0);
    populateMathToLLVMConversionPatterns(converter, patterns);
    populateVectorToLLVMConversionPatterns(converter, patterns);
    populateFuncToLLVMConversionPatterns(converter, patterns);
    populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    ub::populateUBToLLVMConversionPatterns(converter, patterns);
    LLVMConversionTarget target(getContext());
    target.addLegalOp<ModuleOp>();
    if (failed(applyFullConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};

}  // namespace

void addLoweringPasses(PassManager& passes) {
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(std::make_unique<ToLLVM>());
  passes.addPass(createReconcileUnrealizedCastsPass());
}

LogicalResult lowerToLLVM(ModuleOp module, PhaseTimes* times) {
  PassManager passes(module.getContext());
  if (times) times->watch(passes, "to llvm");
  passes.enableVerifier(false);  // a tenth of the time; emitters are checked by their tests
  addLoweringPasses(passes);
  if (failed(passes.run(module))) return failure();
  return addKernelEntries(module);
}

}  // namespace heed::jit
