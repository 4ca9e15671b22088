// Probes that were asked for become results of @main, in the order asked; the others are identities
// and vanish.
#include "heed/compiler/dialect/heed.h"
#include "heed/compiler/fuse/passes.h"
#include "heed/dsl/graph/rules.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
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
  ListOption<std::string> names{*this, "names",
                                llvm::cl::desc("module paths of the probes to keep")};

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
        main.emitError() << "there is no probe '" << name
                         << "'; probes: " << (known.empty() ? "none" : known);
        return signalPassFailure();
      }
      Value v = outside(found->second.getX());
      if (!v) {
        main.emitError() << "the probe '" << name
                         << "' lies in a scan, along whose axis it cannot be stacked";
        return signalPassFailure();
      }
      end->insertOperands(end->getNumOperands(), v);
      types.push_back(v.getType());
    }
    main.setFunctionType(FunctionType::get(&getContext(), main.getArgumentTypes(), types));
    main.walk([](ir::ProbeOp probe) {
      probe.getResult().replaceAllUsesWith(probe.getX());
      probe.erase();
    });
  }

  // A value that a loop computes, as one more of its outputs: of every step. Null where its rank is
  // too small for that.
  static Value outside(Value v) {
    auto loop = dyn_cast<ir::LoopOp>(v.getParentBlock()->getParentOp());
    if (!loop) return v;
    graph::Inferred all =
        graph::infer_stacked({ir::dtypeOf(v.getType()), ir::shapeOf(v)}, int64_t(loop.getAxis()),
                             *parse_dim(loop.getSteps()));
    if (all.problem) return {};
    Operation* yield = loop.block().getTerminator();
    yield->insertOperands(loop.getNumResults(), v);
    SmallVector<Type> types(loop.getResultTypes());
    types.push_back(ir::tensorType(all.type.shape, getElementTypeOrSelf(v.getType())));
    OpBuilder b(loop);
    auto wider = ir::LoopOp::create(b, loop.getLoc(), types, loop.getInitial(),
                                    loop.getSymbolAttr(), loop.getStepsAttr(), loop.getAxisAttr(),
                                    loop.getReverseAttr(), loop.getStopsAttr());
    wider.getBody().takeBody(loop.getBody());
    loop->replaceAllUsesWith(wider.getResults().drop_back());
    loop.erase();
    b.setInsertionPointAfter(wider);
    Value stacked = wider.getResults().back();
    return outside(wider.getStops() ? ir::ofTurns(b, stacked, int64_t(wider.getAxis()),
                                                  wider.getResult(wider.getInitial().size() - 1))
                                    : stacked);
  }
};

}  // namespace

std::unique_ptr<Pass> createSelectProbes(std::vector<std::string> names) {
  return std::make_unique<SelectProbes>(std::move(names));
}

}  // namespace heed
