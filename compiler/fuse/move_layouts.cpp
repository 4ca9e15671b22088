// Layouts of rows (window partition, roll, crop) move through row-wise ops towards the attention
// that they are made for:
//   op(layout(x)) → layout(op(x))   where only attention reads the result
//   layout(op(x)) → op(layout(x))   where x comes from attention
// The attention reads and stores through them; projections and norms become plain kernels on rows
// as they lie.
#include "heed/compiler/dialect/heed.h"
#include "heed/compiler/fuse/passes.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace heed {
namespace {

// What it does to all axes but the last one does not depend on the last one, which stays as it is.
bool movesRows(Operation* op) {
  if (!op || !isa<ir::ReshapeOp, ir::PermuteOp, ir::RollOp, ir::SliceOp>(op)) return false;
  Shape from = ir::shapeOf(op->getOperand(0)), to = ir::shapeOf(op->getResult(0));
  if (from.rank < 2 || to.rank < 2 || !(from[-1] == to[-1])) return false;
  if (auto permute = dyn_cast<ir::PermuteOp>(op))
    return permute.getPermutation().back() == from.rank - 1;
  if (auto axis = op->getAttrOfType<IntegerAttr>("axis"))
    return ir::axisIn(from, axis.getInt()) != from.rank - 1;
  return true;
}

// The operand whose rows the op transforms one by one; null where it is no such op.
OpOperand* rowsOf(Operation* op) {
  if (!op || op->getNumOperands() == 0 || op->getNumResults() != 1) return nullptr;
  if (auto matmul = dyn_cast<ir::MatmulOp>(op))
    return ir::shapeOf(matmul.getB()).rank == 2 ? &op->getOpOperand(0) : nullptr;
  if (!ir::isScalarOp(op) && !isa<ir::NormalizeOp>(op)) return nullptr;
  OpOperand* rows = nullptr;
  for (OpOperand& operand : op->getOpOperands()) {
    if (ir::shapeOf(operand.get()).rank <= 1) continue;  // the same for every row
    if (rows) return nullptr;
    rows = &operand;
  }
  return rows;
}

bool isAttention(Operation* op) {
  return op->hasAttr("heed.attention") || op->hasAttr("heed.attention_score");
}

bool onlyAttentionReads(Value v) {
  return !v.use_empty() && llvm::all_of(v.getUsers(), [](Operation* user) {
    if (isAttention(user)) return true;
    return (ir::isLayoutOp(user) || rowsOf(user)) && onlyAttentionReads(user->getResult(0));
  });
}
bool comesFromAttention(Value v) {
  Operation* op = v.getDefiningOp();
  if (!op) return false;
  if (op->hasAttr("heed.attention")) return true;
  if (OpOperand* rows = rowsOf(op)) return comesFromAttention(rows->get());
  return isa<ir::ReshapeOp, ir::PermuteOp, ir::RollOp, ir::SliceOp>(op) &&
         comesFromAttention(op->getOperand(0));
}

// `op` again on other rows, with the result's last axis as it was.
Value onRows(PatternRewriter& rewriter, Operation* op, Value rows, unsigned operand) {
  auto old = cast<RankedTensorType>(op->getResult(0).getType());
  Shape shape = ir::shapeOf(rows);
  shape.dims[shape.rank - 1] = ir::shapeOf(old)[-1];
  Operation* moved = rewriter.clone(*op);
  moved->setOperand(operand, rows);
  moved->getResult(0).setType(ir::tensorType(shape, old.getElementType()));
  return moved->getResult(0);
}
// `layout` again on values with another last axis.
Value again(PatternRewriter& rewriter, Operation* layout, Value x) {
  Shape shape = ir::shapeOf(layout->getResult(0));
  shape.dims[shape.rank - 1] = ir::shapeOf(x)[-1];
  Operation* moved = rewriter.clone(*layout);
  moved->setOperand(0, x);
  moved->getResult(0).setType(
      ir::tensorType(shape, cast<RankedTensorType>(x.getType()).getElementType()));
  return moved->getResult(0);
}

struct BehindRowwise : RewritePattern {
  explicit BehindRowwise(MLIRContext* c) : RewritePattern(MatchAnyOpTypeTag(), 1, c) {}
  LogicalResult matchAndRewrite(Operation* op, PatternRewriter& rewriter) const final {
    OpOperand* rows = rowsOf(op);
    Operation* layout = rows ? rows->get().getDefiningOp() : nullptr;
    // not more rows than needed
    if (!movesRows(layout) || isa<ir::SliceOp>(layout) || layout->getBlock() != op->getBlock())
      return rewriter.notifyMatchFailure(op, "expected rows in another order");
    if (isAttention(op) || !onlyAttentionReads(op->getResult(0)))
      return rewriter.notifyMatchFailure(op, "expected attention as the only reader");
    Value moved = onRows(rewriter, op, layout->getOperand(0), rows->getOperandNumber());
    rewriter.replaceOp(op, again(rewriter, layout, moved));
    return success();
  }
};

struct BeforeRowwise : RewritePattern {
  explicit BeforeRowwise(MLIRContext* c) : RewritePattern(MatchAnyOpTypeTag(), 1, c) {}
  LogicalResult matchAndRewrite(Operation* layout, PatternRewriter& rewriter) const final {
    if (!movesRows(layout)) return rewriter.notifyMatchFailure(layout, "expected a layout of rows");
    Operation* op = layout->getOperand(0).getDefiningOp();
    OpOperand* rows = rowsOf(op);
    if (!rows || !op->hasOneUse() || isAttention(op) || op->getBlock() != layout->getBlock())
      return rewriter.notifyMatchFailure(layout, "expected a row-wise op that nobody else reads");
    if (!comesFromAttention(rows->get()) || onlyAttentionReads(layout->getResult(0)))
      return rewriter.notifyMatchFailure(layout, "expected rows that come from attention");
    Value moved = again(rewriter, layout, rows->get());
    rewriter.replaceOp(layout, onRows(rewriter, op, moved, rows->getOperandNumber()));
    return success();
  }
};

struct MoveLayouts : PassWrapper<MoveLayouts, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(MoveLayouts)
  StringRef getArgument() const final { return "heed-move-layouts"; }
  StringRef getDescription() const final {
    return "layouts of rows move to the attention they are made for";
  }

  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<BehindRowwise, BeforeRowwise>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns)))) signalPassFailure();
  }
};

}  // namespace

std::unique_ptr<Pass> createMoveLayouts() { return std::make_unique<MoveLayouts>(); }

}  // namespace heed
