// Calls and repeats become their bodies, scans loops. 1: start at @main. 2: clone each op; a call's
// body is cloned in its place with the call's name in front of parameter and probe names; a scan's
// becomes the body of a loop, where slices at the loop's symbol stand for what is scanned. 3: every
// op's location is the path of its module, which names kernels in profiles and errors. 4: the other
// functions go.
#include "heed/compiler/dialect/heed.h"
#include "heed/compiler/fuse/passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace heed {
namespace {

std::string joined(StringRef path, StringRef name) {
  if (path.empty() || name.empty()) return (path + name).str();
  return (path + "." + name).str();
}

struct Inliner {
  ModuleOp module;
  OpBuilder& b;
  SmallVector<std::string> symbols = {};  // of the loops around

  SmallVector<Value> inlineBody(func::FuncOp function, ValueRange arguments,
                                const std::string& path) {
    IRMapping map;
    map.map(function.getArguments(), arguments);
    Location location = NameLoc::get(b.getStringAttr(path));
    for (Operation& op : function.front().without_terminator()) inlineOp(op, map, path, location);
    SmallVector<Value> results;
    for (Value v : function.front().getTerminator()->getOperands())
      results.push_back(map.lookup(v));
    return results;
  }

  void inlineOp(Operation& op, IRMapping& map, const std::string& path, Location location) {
    SmallVector<Value> operands;
    for (Value v : op.getOperands()) operands.push_back(map.lookup(v));
    if (auto call = dyn_cast<ir::CallOp>(op)) {
      map.map(op.getResults(),
              inlineBody(callee(call.getCallee()), operands, joined(path, call.getName())));
    } else if (auto repeat = dyn_cast<ir::RepeatOp>(op)) {
      for (int64_t i = 0; i < static_cast<int64_t>(repeat.getTimes()); ++i)
        operands[0] = inlineBody(callee(repeat.getCallee()), operands,
                                 joined(joined(path, repeat.getName()), std::to_string(i)))[0];
      map.map(op.getResult(0), operands[0]);
    } else if (auto scan = dyn_cast<ir::ScanOp>(op)) {
      map.map(op.getResults(), inlineScan(scan, operands, path, location));
    } else {
      Operation* clone = b.clone(op, map);
      clone->setLoc(location);
      if (isa<ir::ParameterOp, ir::ProbeOp, ir::BufferOp>(clone))
        clone->setAttr("name", b.getStringAttr(joined(
                                   path, clone->getAttrOfType<StringAttr>("name").getValue())));
    }
  }

  SmallVector<Value> inlineScan(ir::ScanOp scan, ArrayRef<Value> operands, const std::string& path,
                                Location location) {
    size_t states = scan.getStates(), scanned = scan.getScanned();
    SmallVector<Value> initial(operands.take_front(states));
    SmallVector<Type> types(scan.getResultTypes());
    if (scan.getStops()) {  // the number of turns becomes the last state
      types.insert(types.begin() + states, types.pop_back_val());
      initial.push_back(number(location, 0));
    }
    symbols.push_back(unusedSymbol());
    auto loop = ir::LoopOp::create(b, location, types, initial, b.getStringAttr(symbols.back()),
                                   scan.getStepsAttr(), scan.getAxisAttr(), scan.getReverseAttr(),
                                   scan.getStopsAttr());
    OpBuilder::InsertionGuard guard(b);
    Block* body = b.createBlock(&loop.getBody());
    SmallVector<Value> arguments;
    for (Value v : initial) arguments.push_back(body->addArgument(v.getType(), location));
    if (scan.getStops()) arguments.pop_back();
    for (Value v : operands.slice(states, scanned))
      arguments.push_back(ir::stepOf(b, location, v, int64_t(scan.getAxis()), symbols.back()));
    llvm::append_range(arguments, operands.drop_front(states + scanned));
    SmallVector<Value> results =
        inlineBody(callee(scan.getCallee()), arguments, joined(path, scan.getName()));
    if (scan.getStops()) {
      Value turns = body->getArguments().back();
      results.insert(results.begin() + states,
                     ir::AddOp::create(b, location, turns.getType(), turns, number(location, 1)));
    }
    ir::YieldOp::create(b, location, results);
    symbols.pop_back();
    if (!scan.getStops()) return SmallVector<Value>(loop.getResults());
    b.setInsertionPointAfter(loop);
    SmallVector<Value> values(loop.getResults().take_front(states));
    for (Value all : loop.getResults().drop_front(states + 1))
      values.push_back(ir::ofTurns(b, all, int64_t(scan.getAxis()), loop.getResult(states)));
    values.push_back(loop.getResult(states));
    return values;
  }

  Value number(Location location, double value) {
    return ir::ConstantOp::create(b, location, RankedTensorType::get({}, b.getI64Type()),
                                  b.getF64FloatAttr(value));
  }

  // Loops one behind another have the same one, so that equal kernels in them are equal.
  std::string unusedSymbol() {
    auto isTaken = [&](const std::string& name) {
      if (llvm::is_contained(symbols, name)) return true;
      Dim symbol = *parse_dim(name);
      auto main = module.lookupSymbol<func::FuncOp>("main");
      return llvm::any_of(main.getArgumentTypes(), [&](Type type) {
        Shape shape = ir::shapeOf(type);
        return std::any_of(shape.dims, shape.dims + shape.rank,
                           [&](const Dim& d) { return ir::dependsOn(d, symbol); });
      });
    };
    for (int n = 0;; ++n)
      if (std::string name = "t_" + std::to_string(n); !isTaken(name)) return name;
  }

  func::FuncOp callee(StringRef name) { return module.lookupSymbol<func::FuncOp>(name); }
};

struct InlineCalls : PassWrapper<InlineCalls, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(InlineCalls)
  StringRef getArgument() const final { return "heed-inline-calls"; }
  StringRef getDescription() const final {
    return "calls and repeats become their bodies, scans loops";
  }

  void runOnOperation() final {
    ModuleOp module = getOperation();
    auto main = module.lookupSymbol<func::FuncOp>("main");
    if (!main) {
      module.emitError("expected a function @main");
      return signalPassFailure();
    }
    OpBuilder b(module.getContext());
    b.setInsertionPoint(main);
    auto flat = func::FuncOp::create(b, main.getLoc(), "main", main.getFunctionType());
    b.setInsertionPointToStart(flat.addEntryBlock());
    Inliner inliner{module, b};
    SmallVector<Value> results = inliner.inlineBody(main, flat.getArguments(), "");
    func::ReturnOp::create(b, main.getLoc(), results);
    for (auto f : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (f != flat) f.erase();
  }
};

}  // namespace

std::unique_ptr<Pass> createInlineCalls() { return std::make_unique<InlineCalls>(); }

}  // namespace heed
