#include "heed/compiler/jit/codegen.h"

#include <cstring>
#include <mutex>

#include "llvm/ADT/StringExtras.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/OptBisect.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/GVN.h"
#include "llvm/Transforms/Scalar/LICM.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Scalar/SROA.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include "mlir/Target/LLVMIR/Export.h"

#include "heed/compiler/jit/lower_to_llvm.h"

using namespace mlir;

namespace heed::jit {
namespace {

// Refuses passes through the LLVM context, which is ours alone: LLVM's command-line switches would
// be the whole process's. Loop strength reduction takes a quarter of code generation and gains
// nothing on emitted tile loops. The scheduler moves loads up until all sums of a tile that takes
// 24 of 32 registers are spilled in every turn; with 16 registers it is what prevents that.
class PassGate final : public llvm::OptPassGate {
 public:
  explicit PassGate(const Target& target) : keepsOrder(target.registers >= 32) {}
  bool isEnabled() const override { return true; }
  bool shouldRunPass(llvm::StringRef pass, llvm::StringRef) const override {
    return pass != "Loop Strength Reduction" && !(keepsOrder && pass == "machine-scheduler");
  }

 private:
  bool keepsOrder;
};

FailureOr<std::unique_ptr<llvm::TargetMachine>> machineFor(const Target& target, Operation* at) {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  llvm::Triple triple(llvm::sys::getDefaultTargetTriple());
  std::string error;
  const llvm::Target* llvm_target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!llvm_target) return at->emitError("code generation: ") << error;
  std::string features;
  for (const std::string& feature : target.features)
    features += (features.empty() ? "+" : ",+") + feature;
  std::unique_ptr<llvm::TargetMachine> machine(llvm_target->createTargetMachine(
      triple, target.cpu, features, llvm::TargetOptions(), llvm::Reloc::PIC_,
      llvm::CodeModel::Small, llvm::CodeGenOptLevel::Aggressive));
  if (!machine) return at->emitError("code generation: no machine for target ") << target.name;
  return machine;
}

void setAttributes(llvm::Module& module, const llvm::TargetMachine& machine, const Target& target) {
  module.setDataLayout(machine.createDataLayout());
  module.setTargetTriple(machine.getTargetTriple());
  std::string width = std::to_string(32 * target.lanes);
  for (llvm::Function& function : module) {
    if (function.isDeclaration()) continue;
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("target-features", machine.getTargetFeatureString());
    if (target.lanes >= 16) {  // otherwise LLVM halves 512-bit vectors
      function.addFnAttr("prefer-vector-width", width);
      function.addFnAttr("min-legal-vector-width", width);
    }
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
}

// As fast code as from O3, in 30 % less time.
void optimize(llvm::Module& module, llvm::TargetMachine& machine) {
  llvm::PassBuilder builder(&machine);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);

  llvm::FunctionPassManager passes;
  passes.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  passes.addPass(llvm::InstCombinePass());
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()),
                                                       /*UseMemorySSA=*/true));
  passes.addPass(llvm::GVNPass());
  passes.addPass(llvm::SimplifyCFGPass());
  llvm::ModulePassManager all;
  all.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(passes)));
  all.run(module, modules);
}

LogicalResult emit(llvm::Module& module, llvm::TargetMachine& machine, llvm::CodeGenFileType kind,
                   llvm::SmallVectorImpl<char>& out, Operation* at) {
  llvm::raw_svector_ostream stream(out);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, kind))
    return at->emitError("code generation: this target writes no such file");
  passes.run(module);
  return success();
}

template <class Printable>
void printTo(std::string* text, const Printable& print) {
  if (!text) return;
  llvm::raw_string_ostream stream(*text);
  print(stream);
}

}  // namespace

FailureOr<std::vector<std::byte>> compileToObject(ModuleOp module, const Target& target,
                                                  CodegenDump* dump) {
  PhaseTimes* times = dump ? dump->times : nullptr;
  if (failed(lowerToLLVM(module, times))) return failure();
  if (dump) printTo(dump->llvm_dialect, [&](auto& to) { module.print(to); });

  auto machine = machineFor(target, module);
  if (failed(machine)) return failure();
  PassGate gate(target);
  llvm::LLVMContext context;
  context.setOptPassGate(gate);
  std::unique_ptr<llvm::Module> code;
  {
    PhaseTimer timer(times, "translate");
    code = translateModuleToLLVMIR(module, context, "heed", /*disableVerification=*/true);
  }
  if (!code) return failure();
  setAttributes(*code, **machine, target);
  {
    PhaseTimer timer(times, "optimize");
    optimize(*code, **machine);
  }
  if (dump) printTo(dump->llvm_ir, [&](auto& to) { code->print(to, nullptr); });
  if (dump && dump->assembly) {
    llvm::SmallVector<char, 0> text;
    if (failed(emit(*llvm::CloneModule(*code), **machine, llvm::CodeGenFileType::AssemblyFile, text,
                    module)))
      return failure();
    dump->assembly->assign(text.begin(), text.end());
  }
  PhaseTimer timer(times, "generate code");
  llvm::SmallVector<char, 0> object;
  if (failed(emit(*code, **machine, llvm::CodeGenFileType::ObjectFile, object, module)))
    return failure();
  std::vector<std::byte> bytes(object.size());
  std::memcpy(bytes.data(), object.data(), object.size());
  return bytes;
}

}  // namespace heed::jit
