// Probes that were asked for become results of @main, in the order asked; the others are identities and vanish.
#include "heed/compiler/dialect/heed.h"
#include "heed/compiler/fuse/passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace heed {
namespace {

struct SelectProbes : PassWrapper<SelectProbes, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SelectProbes)
  SelectProbes() = default;
  SelectProbes(const SelectProbes& other) : PassWrapper(other) {}
  explicit SelectProbes(std::vector<std::string> wanted) { names = wanted; }
  StringRef getArgument() const final { return "heed-select-probes"; }
  StringRef getDescription() const final { return "wanted probes become results of @main"; }
  ListOption<std::string> names{*this, "names", llvm::cl::desc("module paths of the probes to keep")};

  void runOnOperation() final {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    llvm::StringMap<ir::ProbeOp> probes;
    main.walk([&](ir::ProbeOp probe) { probes[probe.getName()] = probe; });
    Operation* end = main.front().getTerminator();
    SmallVector<Type> types(main.getResultTypes());
    for (const std::string& name : names) {
      auto found = probes.find(name);
      if (found == probes.end()) {
        std::string known;
        for (auto& entry : probes) known += (known.empty() ? "" : ", ") + entry.getKey().str();
        main.emitError() << "there is no probe '" << name << "'; probes: " << (known.empty() ? "none" : known);
        return signalPassFailure();
      }
      end->insertOperands(end->getNumOperands(), found->second.getX());
      types.push_back(found->second.getX().getType());
    }
    main.setFunctionType(FunctionType::get(&getContext(), main.getArgumentTypes(), types));
    main.walk([](ir::ProbeOp probe) {
      probe.getResult().replaceAllUsesWith(probe.getX());
      probe.erase();
    });
  }
};

}  // namespace

std::unique_ptr<Pass> createSelectProbes(std::vector<std::string> names) {
  return std::make_unique<SelectProbes>(std::move(names));
}

}  // namespace heed
