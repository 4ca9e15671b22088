#include "heed/compiler/jit/spirv.h"

#include <cstring>

#include "llvm/Support/raw_ostream.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Conversion/GPUToSPIRV/GPUToSPIRVPass.h"
#include "mlir/Conversion/MathToSPIRV/MathToSPIRVPass.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Dialect/SPIRV/IR/TargetAndABI.h"
#include "mlir/Dialect/SPIRV/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/SPIRV/Serialization.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace heed::jit {
namespace {

// What a kernel may use; the module then asks for what it does use.
constexpr const char* environment =
    "#spirv.target_env<#spirv.vce<v1.3, [Shader, Int8, Int16, Float16, StorageBuffer8BitAccess, "
    "StorageBuffer16BitAccess],"
    " [SPV_KHR_storage_buffer_storage_class, SPV_KHR_8bit_storage, SPV_KHR_16bit_storage]>, "
    "#spirv.resource_limits<>>";

// Upstream declares what other capabilities imply, too.
void dropImplied(spirv::ModuleOp module) {
  spirv::VerCapExtAttr all = *module.getVceTriple();
  SmallVector<spirv::Capability> capabilities(all.getCapabilities());
  llvm::erase(capabilities, spirv::Capability::Matrix);  // by Shader
  SmallVector<spirv::Extension> extensions(all.getExtensions());
  module.setVceTripleAttr(
      spirv::VerCapExtAttr::get(all.getVersion(), capabilities, extensions, module.getContext()));
}

}  // namespace

void addSpirvPasses(PassManager& passes) {
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  passes.addPass(createLoopInvariantCodeMotionPass());
  passes.nest<mlir::gpu::GPUModuleOp>().addPass(createConvertMathToSPIRVPass());
  passes.addPass(createConvertGPUToSPIRVPass());
  OpPassManager& spirv = passes.nest<spirv::ModuleOp>();
  spirv.addPass(spirv::createSPIRVLowerABIAttributesPass());
  spirv.addPass(createCanonicalizerPass());
  spirv.addPass(createCSEPass());
  spirv.addPass(spirv::createSPIRVUpdateVCEPass());
}

FailureOr<std::vector<std::byte>> compileToSpirv(ModuleOp module, CodegenDump* dump) {
  auto kernels = llvm::to_vector(module.getOps<mlir::gpu::GPUModuleOp>());
  if (kernels.size() != 1)
    return module.emitError("expected one gpu.module, found ") << kernels.size();
  kernels[0]->setAttr(spirv::getTargetEnvAttrName(),
                      parseAttribute(environment, module.getContext()));
  PassManager passes(module.getContext());
  passes.enableVerifier(false);  // as in lower_to_llvm.cpp
  PhaseTimes* times = dump ? dump->times : nullptr;
  if (times) times->watch(passes, "to spirv");
  addSpirvPasses(passes);
  if (failed(passes.run(module))) return failure();
  auto made = llvm::to_vector(module.getOps<spirv::ModuleOp>());
  if (made.size() != 1) return module.emitError("expected one spirv.module, found ") << made.size();
  dropImplied(made[0]);
  for (std::string* text : {dump ? dump->llvm_ir : nullptr, dump ? dump->assembly : nullptr})
    if (text) {
      llvm::raw_string_ostream stream(*text);
      made[0].print(stream);
    }
  PhaseTimer timer(times, "write spirv");
  SmallVector<uint32_t, 0> words;
  spirv::SerializationOptions options;
  options.emitSymbolName = false;
  if (failed(spirv::serialize(made[0], words, options)))
    return module.emitError("SPIR-V cannot be written");
  std::vector<std::byte> bytes(words.size() * sizeof(uint32_t));
  std::memcpy(bytes.data(), words.data(), bytes.size());
  return bytes;
}

}  // namespace heed::jit
