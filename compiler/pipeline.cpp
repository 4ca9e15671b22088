// The compiler's table of contents.
#include "heed/compiler/pipeline.h"

#include "heed/compiler/fuse/moved_bytes.h"
#include "heed/compiler/import/import.h"
#include "heed/compiler/plan/assemble.h"
#include "heed/dsl/graph/text.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace heed {

namespace {

void print(const CompileOptions& options, StringRef phase,
           const std::function<std::string()>& text) {
  if (options.print && llvm::is_contained(options.print_after, phase)) options.print(phase, text());
}

std::string textOf(Operation* op) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  op->print(stream, OpPrintingFlags().elideLargeElementsAttrs(64));
  return text;
}

}  // namespace

FailureOr<abi::Program> compile(MLIRContext* context, const graph::Module& graph,
                                const CompileOptions& options) {
  print(options, "graph", [&] { return graph::text_of(graph); });

  OwningOpRef<ModuleOp> module;
  {
    PhaseTimer timer(options.times, "import");
    module = importGraph(context, graph);
  }
  print(options, "dialect", [&] { return textOf(*module); });

  PassManager passes(context);
  if (options.times) options.times->watch(passes, "fuse");
  passes.addPass(createInlineCalls());
  passes.addPass(createSelectProbes(options.probes));
  if (options.fusion == Fusion::all) passes.addPass(createHoistSteps());
  passes.addPass(createSimplifyGraph());
  if (options.fusion == Fusion::all) {
    passes.addPass(createFormAttention(options.target));
    passes.addPass(createMoveLayouts());
    passes.addPass(createFoldScales());
  }
  passes.addPass(createAssignLayouts());
  passes.addPass(createFormKernels(options.fusion, options.target.parts));
  passes.addPass(createPackWeights(options.target));
  passes.addPass(createHoistPrepare());
  if (failed(passes.run(*module))) return failure();
  print(options, "fused", [&] {
    auto main = module->lookupSymbol<func::FuncOp>("main");
    return textOf(*module) +
           "// bytes moved outside contract, attention and rows: " + fuse::movedBytes(main) + "\n";
  });

  return assembleProgram(*module, graph, options);
}

void registerPasses() {
  registerPass(createInlineCalls);
  registerPass([] { return createSelectProbes(); });
  registerPass(createHoistSteps);
  registerPass(createSimplifyGraph);
  registerPass([] { return createFormAttention(); });
  registerPass(createMoveLayouts);
  registerPass(createFoldScales);
  registerPass(createAssignLayouts);
  registerPass([] { return createFormKernels(); });
  registerPass([] { return createPackWeights(); });
  registerPass(createHoistPrepare);
}

}  // namespace heed
