// Kernels of a loop that are the same at every step move in front of it. Kernels that depend on
// parameters alone move from
// @main to @prepare, which runs once when weights are bound. What @main still reads of them becomes
// its last arguments, in the order of @prepare's results.
#include "heed/compiler/dialect/heed.h"
#include "heed/compiler/fuse/choose_buffers.h"
#include "heed/compiler/fuse/passes.h"
#include "heed/compiler/fuse/update_in_place.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace heed {
namespace {

// What depends on nothing stays where it is read, unless that moves.
bool runsOnce(Operation* op) {
  if (op->getNumResults() == 0 || !fuse::dependsOnNoInput(op->getResult(0))) return false;
  return fuse::dependsOnParametersOnly(op->getResult(0)) || llvm::any_of(op->getUsers(), runsOnce);
}

// What is returned is written by every run, into the caller's memory, and what is yielded by every
// step; so is what an append or a loop of them updates.
llvm::SmallPtrSet<Operation*, 8> writersOfResults(Block& block) {
  llvm::SmallPtrSet<Operation*, 8> writers;
  SmallVector<Value> todo(block.getTerminator()->getOperands());
  for (Operation& op : block)
    for (unsigned n = 0; n < op.getNumOperands(); ++n)
      if (auto loop = dyn_cast<ir::LoopOp>(op);
          loop ? fuse::updatesState(loop, n) : ir::isAppend(&op) && n == 0)
        todo.push_back(op.getOperand(n));
  while (!todo.empty()) {
    Operation* op = todo.pop_back_val().getDefiningOp();
    if (op && writers.insert(op).second && isa<ir::ReshapeOp, ir::ConcatOp>(op))
      todo.append(op->operand_begin(), op->operand_end());
  }
  return writers;
}

// Whether an operation computes with the number of the step, or says by it what it reads.
bool readsStep(Operation* op, const Dim& symbol) {
  auto reads = [&](StringAttr text) {
    auto dim = parse_dim(text.str());
    return dim && ir::dependsOn(*dim, symbol) ? WalkResult::interrupt() : WalkResult::advance();
  };
  return op->walk([&](Operation* part) { return part->getAttrDictionary().walk(reads); })
      .wasInterrupted();
}

void hoistFromLoop(ir::LoopOp loop) {
  Dim symbol = *parse_dim(loop.getSymbol());
  llvm::SmallPtrSet<Operation*, 8> stays = writersOfResults(loop.block());
  for (Operation& op : llvm::make_early_inc_range(loop.block().without_terminator())) {
    bool inside = llvm::any_of(op.getOperands(),
                               [&](Value x) { return x.getParentBlock() == &loop.block(); });
    if (!inside && !isa<ir::LoopOp>(op) && !stays.contains(&op) && !readsStep(&op, symbol))
      op.moveBefore(loop);
  }
}

struct HoistPrepare : PassWrapper<HoistPrepare, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(HoistPrepare)
  StringRef getArgument() const final { return "heed-hoist-prepare"; }
  StringRef getDescription() const final { return "work on parameters alone moves to @prepare"; }

  void runOnOperation() final {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    main.walk([](ir::LoopOp loop) { hoistFromLoop(loop); });
    OpBuilder b(main);
    auto prepare = func::FuncOp::create(b, main.getLoc(), "prepare", b.getFunctionType({}, {}));
    Block* once = prepare.addEntryBlock();
    b.setInsertionPointToStart(once);
    IRMapping map;
    SmallVector<Value> handedOver, prepared;
    SmallVector<Type> types;
    SmallVector<Operation*> moved;
    llvm::SmallPtrSet<Operation*, 8> stays = writersOfResults(main.front());
    for (Operation& op : main.front().without_terminator()) {
      bool leaf = isa<ir::ParameterOp, ir::BufferOp>(op);
      if (!runsOnce(&op)) continue;
      Operation* clone = b.clone(op, map);
      if (leaf) continue;
      if (stays.contains(&op)) continue;  // @prepare may need it, too
      moved.push_back(&op);
      for (Value v : op.getResults()) {
        bool read = llvm::any_of(v.getUsers(), [&](Operation* user) {
          return stays.contains(user) || user->getBlock() != &main.front() || !runsOnce(user);
        });
        if (!read) continue;
        handedOver.push_back(v);
        types.push_back(v.getType());
        prepared.push_back(clone->getResult(cast<OpResult>(v).getResultNumber()));
      }
    }
    func::ReturnOp::create(b, main.getLoc(), prepared);
    prepare.setFunctionType(b.getFunctionType({}, types));
    for (Value v : handedOver) {
      (void)main.insertArgument(main.getNumArguments(), v.getType(), {}, v.getLoc());
      v.replaceAllUsesWith(main.getArgument(main.getNumArguments() - 1));
    }
    for (Operation* op : llvm::reverse(moved)) op->erase();
    eraseUnused(*once);
    eraseUnused(main.front());
    main->setAttr("heed.prepared", b.getI64IntegerAttr(handedOver.size()));
  }

  static void eraseUnused(Block& block) {
    for (Operation& op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (op.getNumResults() && op.use_empty()) op.erase();
  }
};

}  // namespace

std::unique_ptr<Pass> createHoistPrepare() { return std::make_unique<HoistPrepare>(); }

}  // namespace heed
