// Rewrites that make the later walks see through: besides folding, a division by a constant is a
// multiplication, windows of one element are a reshape, slices move in front of row-wise
// normalisations (rows nobody reads are not computed), and elementwise work on a concatenation
// moves to its pieces, so that the kernels that write the pieces can do it.
#include "heed/compiler/dialect/heed.h"
#include "heed/compiler/fuse/choose_buffers.h"
#include "heed/compiler/fuse/passes.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace heed {
namespace {

struct DivisionByConstant : OpRewritePattern<ir::DivOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::DivOp op, PatternRewriter& rewriter) const final {
    auto c = op.getY().getDefiningOp<ir::ConstantOp>();
    auto type = c ? dyn_cast<RankedTensorType>(c.getResult().getType()) : RankedTensorType();
    if (!type || !isa<FloatType>(type.getElementType()))
      return rewriter.notifyMatchFailure(op, "expected a constant divisor");
    Value inverse =
        ir::ConstantOp::create(rewriter, op.getLoc(), type,
                               rewriter.getF64FloatAttr(1.0 / c.getValue().convertToDouble()));
    rewriter.replaceOpWithNewOp<ir::MulOp>(op, op.getResult().getType(), op.getX(), inverse);
    return success();
  }
};

struct SliceBeforeNormalize : OpRewritePattern<ir::SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::SliceOp op, PatternRewriter& rewriter) const final {
    auto normalize = op.getX().getDefiningOp<ir::NormalizeOp>();
    Shape shape = ir::shapeOf(op.getX());
    if (!normalize || !normalize->hasOneUse() || normalize->getBlock() != op->getBlock() ||
        ir::axisIn(shape, op.getAxis()) == shape.rank - 1)
      return rewriter.notifyMatchFailure(
          op, "expected a normalisation along another axis, read by nobody else");
    Value slice =
        ir::SliceOp::create(rewriter, op.getLoc(), op.getResult().getType(), normalize.getX(),
                            op.getAxisAttr(), op.getBeginAttr(), op.getEndAttr());
    auto moved = ir::NormalizeOp::create(rewriter, normalize.getLoc(), op.getResult().getType(),
                                         slice, normalize.getAffine(), normalize.getEpsAttr());
    rewriter.replaceOp(op, moved.getResult());
    return success();
  }
};

struct WindowOfOne : OpRewritePattern<ir::WindowOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::WindowOp op, PatternRewriter& rewriter) const final {
    if (op.getSize() != 1 || op.getStride() != 1 || op.getBefore() != 0 || op.getAfter() != 0)
      return rewriter.notifyMatchFailure(op, "expected windows of one element, each in its place");
    rewriter.replaceOpWithNewOp<ir::ReshapeOp>(op, op.getResult().getType(), op.getX());
    return success();
  }
};

// A kernel behind the concatenation gives x, and can do elementwise work on it as well as the
// pieces' kernels.
bool comesLater(Value x, Operation* concat) {
  Operation* op = x.getDefiningOp();
  if (!op || op->getBlock() != concat->getBlock() || !concat->isBeforeInBlock(op) ||
      !op->hasOneUse())
    return false;
  if (fuse::isAnchorOp(op)) return true;
  return (ir::isScalarOp(op) || ir::isLayoutOp(op)) &&
         llvm::any_of(op->getOperands(),
                      [&](Value operand) { return comesLater(operand, concat); });
}

// The part of x that meets piece [begin, end) along `axis` of a result of shape `whole`.
Value partOf(Value x, const Shape& whole, int64_t axis, const Dim& begin, const Dim& end,
             PatternRewriter& rewriter) {
  Shape shape = ir::shapeOf(x);
  int64_t own = axis - (whole.rank - shape.rank);
  if (own < 0 || shape.dims[own] == Dim(1)) return x;
  shape.dims[own] = end - begin;
  Type type = ir::tensorType(shape, cast<RankedTensorType>(x.getType()).getElementType());
  return ir::SliceOp::create(rewriter, x.getLoc(), type, x, rewriter.getI64IntegerAttr(own),
                             rewriter.getStringAttr(text_of(begin)),
                             rewriter.getStringAttr(text_of(end)));
}

struct ScalarBeforeConcat : RewritePattern {
  explicit ScalarBeforeConcat(MLIRContext* c) : RewritePattern(MatchAnyOpTypeTag(), 1, c) {}
  LogicalResult matchAndRewrite(Operation* op, PatternRewriter& rewriter) const final {
    if (!ir::isScalarOp(op) || !isa<RankedTensorType>(op->getResult(0).getType())) return failure();
    ir::ConcatOp concat;
    for (Value x : op->getOperands())
      if (auto found = x.getDefiningOp<ir::ConcatOp>();
          found && found->hasOneUse() && found->getBlock() == op->getBlock() && !concat)
        concat = found;
    Shape whole = ir::shapeOf(op->getResult(0));
    if (!concat || !(ir::shapeOf(concat.getResult()) == whole))
      return rewriter.notifyMatchFailure(
          op, "expected a concatenation of the result's shape, read by nobody else");
    if (llvm::any_of(op->getOperands(), [&](Value x) { return comesLater(x, concat); }))
      return rewriter.notifyMatchFailure(op, "expected no later kernel that could do this work");
    int64_t axis = ir::axisIn(whole, concat.getAxis());
    SmallVector<Value> pieces;
    Dim begin(0);
    for (Value piece : concat.getXs()) {
      Shape shape = ir::shapeOf(piece);
      Dim end = begin + shape.dims[axis];
      OperationState state(op->getLoc(), op->getName());
      for (Value x : op->getOperands())
        state.addOperands(x == concat.getResult() ? piece
                                                  : partOf(x, whole, axis, begin, end, rewriter));
      state.addTypes(ir::tensorType(
          shape, cast<RankedTensorType>(op->getResult(0).getType()).getElementType()));
      state.addAttributes(op->getAttrs());
      pieces.push_back(rewriter.create(state)->getResult(0));
      begin = end;
    }
    rewriter.replaceOpWithNewOp<ir::ConcatOp>(op, op->getResult(0).getType(), pieces,
                                              concat.getAxisAttr());
    return success();
  }
};

struct SimplifyGraph : PassWrapper<SimplifyGraph, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SimplifyGraph)
  StringRef getArgument() const final { return "heed-simplify-graph"; }
  StringRef getDescription() const final {
    return "ops folded, slices and elementwise work moved to where they are cheap";
  }

  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<DivisionByConstant, SliceBeforeNormalize, WindowOfOne, ScalarBeforeConcat>(
        &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns)))) signalPassFailure();
  }
};

}  // namespace

std::unique_ptr<Pass> createSimplifyGraph() { return std::make_unique<SimplifyGraph>(); }

}  // namespace heed
