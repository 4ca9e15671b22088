// conv(x, w) · s = conv(x, w · s) where s depends on parameters alone and has one value for each
// output channel: batch normalisation goes into the weights when they are bound, and leaves an
// addition.
#include "heed/compiler/dialect/heed.h"
#include "heed/compiler/fuse/choose_buffers.h"
#include "heed/compiler/fuse/passes.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace heed {
namespace {

bool isConvolution(Operation* op) { return isa_and_nonnull<ir::Conv2dOp, ir::Conv3dOp>(op); }

struct ScaleIntoWeights : OpRewritePattern<ir::MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ir::MulOp op, PatternRewriter& rewriter) const final {
    Value y = op.getX(), factor = op.getY();
    if (!isConvolution(y.getDefiningOp())) std::swap(y, factor);
    Operation* conv = y.getDefiningOp();
    if (!isConvolution(conv) || !conv->hasOneUse() || y.getType() != op.getResult().getType())
      return rewriter.notifyMatchFailure(op, "expected a convolution that nobody else reads");
    Shape result = ir::shapeOf(y), own = ir::shapeOf(factor),
          kernel = ir::shapeOf(conv->getOperand(1));
    bool channels = own.rank >= result.rank - 1;  // [.. 1, channels, 1, 1 ..]
    for (int n = 1; n <= own.rank; ++n)
      channels &= own[-n] == Dim(1) || n == result.rank - 1;
    if (!channels || !fuse::dependsOnParametersOnly(factor) ||
        !fuse::dependsOnParametersOnly(conv->getOperand(1)))
      return rewriter.notifyMatchFailure(op, "expected a factor of parameters, one a channel");
    auto type = cast<RankedTensorType>(conv->getOperand(1).getType());
    Shape column;
    column.append(own[-(result.rank - 1)]);
    for (int axis = 1; axis < kernel.rank; ++axis) column.append(Dim(1));
    Value scale = ir::ReshapeOp::create(rewriter, op.getLoc(),
                                        ir::tensorType(column, type.getElementType()), factor);
    Value weights = ir::MulOp::create(rewriter, op.getLoc(), type, conv->getOperand(1), scale);
    rewriter.setInsertionPoint(op);
    Operation* scaled = rewriter.clone(*conv);
    scaled->setOperand(1, weights);
    rewriter.replaceOp(op, scaled->getResult(0));
    return success();
  }
};

struct FoldScales : PassWrapper<FoldScales, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FoldScales)
  StringRef getArgument() const final { return "heed-fold-scales"; }
  StringRef getDescription() const final {
    return "factors of a convolution's result go into its weights";
  }

  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<ScaleIntoWeights>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns)))) signalPassFailure();
  }
};

}  // namespace

std::unique_ptr<Pass> createFoldScales() { return std::make_unique<FoldScales>(); }

}  // namespace heed
