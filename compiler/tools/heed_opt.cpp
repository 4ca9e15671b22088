// heed-opt FILE [passes…]: runs any pass of the compiler on one file.
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

#include "heed/compiler/jit/context.h"
#include "heed/compiler/pipeline.h"

int main(int argc, char** argv) {
  mlir::DialectRegistry registry;
  heed::jit::registerDialects(registry);
  heed::registerPasses();
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::registerSymbolDCEPass();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "heed-opt\n", registry));
}
