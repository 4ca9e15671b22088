// Work of a loop that no state enters moves in front of it, for all steps at once: the input
// projections of a recurrence become one contraction. 1: a value of the body is `lifted` where it
// is a step of a value in front of the loop, or an op on lifted values and on what is the same at
// every step; the op is made again in front, its result with the axis of the steps. 2: where such a
// value holds a contraction, reduction or gather, the body reads its steps instead of computing it.
// Elementwise work alone stays, and so does a gather that attention will look up: they cost less
// than a tensor of all steps.
#include "heed/compiler/dialect/heed.h"
#include "heed/compiler/fuse/attention_chain.h"
#include "heed/compiler/fuse/choose_buffers.h"
#include "heed/compiler/fuse/passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Iterators.h"
#include "mlir/IR/TypeUtilities.h"

#include "heed/dsl/graph/rules.h"

using namespace mlir;

namespace heed {
namespace {

struct Lifted {
  Value all;       // in front of the loop
  int64_t axis;    // of the steps in it; -1: the same at every step
  bool heavy;      // holds more than elementwise work
};

class Hoister {
 public:
  explicit Hoister(ir::LoopOp loop)
      : loop_(loop),
        b_(loop),
        symbol_(*parse_dim(loop.getSymbol())),
        steps_(*parse_dim(loop.getSteps())) {}

  void run() {
    for (Operation& op : loop_.block().without_terminator())
      if (op.getNumResults() == 1)
        if (auto lifted = lift(&op)) lifted_[op.getResult(0)] = *lifted;
    for (Operation& op : llvm::make_early_inc_range(loop_.block().without_terminator())) {
      auto found = op.getNumResults() == 1 ? lifted_.find(op.getResult(0)) : lifted_.end();
      // layouts are free in the body
      if (found == lifted_.end() || !found->second.heavy || ir::isLayoutOp(&op)) continue;
      replace(op.getResult(0), found->second);
    }
  }

 private:
  ir::LoopOp loop_;
  OpBuilder b_;
  Dim symbol_, steps_;
  llvm::DenseMap<Value, Lifted> lifted_;

  bool isInside(Value v) { return loop_.getBody().isAncestor(v.getParentRegion()); }

  // Readers that are not lifted themselves read the steps of what was computed in front.
  void replace(Value v, const Lifted& lifted) {
    auto stays = [&](OpOperand& use) {
      Operation* user = use.getOwner();
      if (user->getNumResults() != 1 || ir::isLayoutOp(user)) return true;
      auto found = lifted_.find(user->getResult(0));
      return found == lifted_.end() || !found->second.heavy;
    };
    if (llvm::none_of(v.getUses(), [&](OpOperand& use) { return stays(use); })) return;
    b_.setInsertionPointAfter(v.getDefiningOp());
    Value step = lifted.axis < 0
                     ? lifted.all
                     : ir::stepOf(b_, v.getLoc(), lifted.all, lifted.axis, loop_.getSymbol());
    v.replaceUsesWithIf(step, stays);
    b_.setInsertionPoint(loop_);
  }

  // A reshape of a slice at the step.
  std::optional<Lifted> stepOf(ir::ReshapeOp reshape) {
    auto slice = reshape.getX().getDefiningOp<ir::SliceOp>();
    if (!slice || isInside(slice.getX())) return {};
    auto begin = parse_dim(slice.getBegin()), end = parse_dim(slice.getEnd());
    if (!begin || !end || !(*begin == symbol_ - Dim(1)) || !(*end == symbol_)) return {};
    Shape all = ir::shapeOf(slice.getX());
    int64_t axis = ir::axisIn(all, slice.getAxis());
    graph::Inferred step = graph::infer_step({DType::f32, all}, axis, steps_);
    if (step.problem || !(step.type.shape == ir::shapeOf(reshape.getResult()))) return {};
    return Lifted{slice.getX(), axis, false};
  }

  std::optional<Lifted> known(Value v) {
    if (!isInside(v)) return Lifted{v, -1, false};
    auto found = lifted_.find(v);
    if (found != lifted_.end()) return found->second;
    return {};
  }

  std::optional<Lifted> lift(Operation* op) {
    if (auto reshape = dyn_cast<ir::ReshapeOp>(op))
      if (auto step = stepOf(reshape)) return step;
    if (!ir::isScalarOp(op) && !ir::isLayoutOp(op) && !fuse::isAnchorOp(op) && !fuse::isLeafOp(op))
      return {};
    if (auto slice = dyn_cast<ir::SliceOp>(op);
        slice && ir::dependsOn(*parse_dim(slice.getBegin()), symbol_))
      return {};
    if (auto extent = dyn_cast<ir::ExtentOp>(op);
        extent && ir::dependsOn(*parse_dim(extent.getDim()), symbol_))
      return {};
    SmallVector<Lifted> operands;
    bool heavy = fuse::isAnchorOp(op), moves = false;
    for (Value x : op->getOperands()) {
      auto operand = known(x);
      if (!operand) return {};
      operands.push_back(*operand);
      heavy |= operand->heavy;
      moves |= operand->axis >= 0;
    }
    if (isa<ir::GatherOp>(op) && fuse::feedsScoresOnly(op->getResult(0), fuse::valueContraction))
      heavy = false;
    if (!moves) {  // the same at every step; on parameters alone it is left to whoever reads it
      if (heavy && fuse::dependsOnParametersOnly(op->getResult(0))) heavy = false;
      SmallVector<Value> xs;
      for (const Lifted& x : operands) xs.push_back(x.all);
      return Lifted{again(op, xs, ir::shapeOf(op->getResult(0))), -1, heavy};
    }
    auto lifted = ir::isScalarOp(op)                    ? scalar(op, operands)
                  : isa<ir::MatmulOp>(op)               ? matmul(op, operands)
                  : isa<ir::GatherOp>(op)               ? gather(op, operands)
                  : isa<ir::ConcatOp>(op)               ? concat(op, operands)
                  : isa<ir::ReshapeOp>(op)              ? reshape(op, operands)
                  : isa<ir::PermuteOp>(op)              ? permute(cast<ir::PermuteOp>(op), operands)
                  : isa<ir::BroadcastOp, ir::Conv2dOp>(op) ? std::nullopt
                                                        : alongAxis(op, operands);
    if (lifted) lifted->heavy = heavy;
    return lifted;
  }

  // The op on other operands, its result of another shape.
  Value again(Operation* op, ArrayRef<Value> operands, const Shape& shape) {
    OperationState state(op->getLoc(), op->getName(), operands,
                         ir::tensorType(shape, getElementTypeOrSelf(op->getResult(0).getType())),
                         op->getAttrs());
    return b_.create(state)->getResult(0);
  }
  Shape withSteps(Value result, int64_t axis) {
    return graph::infer_stacked({DType::f32, ir::shapeOf(result)}, axis, steps_).type.shape;
  }
  static bool fits(Value result) { return ir::shapeOf(result).rank < max_rank; }

  // Operands meet from the right: the axis lies at one distance from it in all of them.
  std::optional<Lifted> scalar(Operation* op, ArrayRef<Lifted> operands) {
    Value result = op->getResult(0);
    if (!fits(result)) return {};
    int rank = ir::shapeOf(result).rank;
    int64_t axis = -1;
    for (auto [x, operand] : llvm::zip(op->getOperands(), operands)) {
      if (operand.axis < 0) continue;
      int64_t at = operand.axis + rank - ir::shapeOf(x).rank;
      if (axis >= 0 && at != axis) return {};
      axis = at;
    }
    SmallVector<Value> xs;
    for (auto [x, operand] : llvm::zip(op->getOperands(), operands)) {
      Shape shape = ir::shapeOf(x);
      int64_t own = axis - (rank - shape.rank);
      if (operand.axis < 0 && own > 0) {  // an axis of one element for the steps
        shape = graph::infer_stacked({DType::f32, shape}, own, Dim(1)).type.shape;
        Type type = ir::tensorType(shape, getElementTypeOrSelf(x.getType()));
        xs.push_back(ir::ReshapeOp::create(b_, op->getLoc(), type, operand.all));
      } else {
        xs.push_back(operand.all);
      }
    }
    return Lifted{again(op, xs, withSteps(result, axis)), axis, false};
  }

  // Rows of all steps against one matrix.
  std::optional<Lifted> matmul(Operation* op, ArrayRef<Lifted> operands) {
    int rank = ir::shapeOf(op->getOperand(0)).rank;
    if (!fits(op->getResult(0)) || operands[0].axis < 0 || operands[0].axis >= rank) return {};
    if (operands[1].axis >= 0 || ir::shapeOf(op->getOperand(1)).rank != 2) return {};
    int64_t axis = operands[0].axis;
    return Lifted{again(op, {operands[0].all, operands[1].all}, withSteps(op->getResult(0), axis)),
                  axis, false};
  }

  std::optional<Lifted> gather(Operation* op, ArrayRef<Lifted> operands) {
    int64_t axis = operands[1].axis;
    if (!fits(op->getResult(0)) || operands[0].axis >= 0) return {};
    return Lifted{again(op, {operands[0].all, operands[1].all}, withSteps(op->getResult(0), axis)),
                  axis, false};
  }

  std::optional<Lifted> concat(Operation* op, ArrayRef<Lifted> operands) {
    int64_t axis = operands[0].axis;
    if (!llvm::all_of(operands, [&](const Lifted& x) { return x.axis == axis; })) return {};
    return alongAxis(op, operands);
  }

  // As many elements in front of the axis as before.
  std::optional<Lifted> reshape(Operation* op, ArrayRef<Lifted> operands) {
    Shape from = ir::shapeOf(op->getOperand(0)), to = ir::shapeOf(op->getResult(0));
    if (!fits(op->getResult(0))) return {};
    Dim outside(1), before(1);
    for (int64_t i = 0; i < operands[0].axis; ++i) outside = outside * from.dims[i];
    for (int64_t axis = 0; axis <= to.rank; ++axis) {
      if (before == outside)
        return Lifted{again(op, {operands[0].all}, withSteps(op->getResult(0), axis)), axis, false};
      if (axis < to.rank) before = before * to.dims[axis];
    }
    return {};
  }

  std::optional<Lifted> permute(ir::PermuteOp op, ArrayRef<Lifted> operands) {
    if (!fits(op.getResult())) return {};
    int64_t axis = operands[0].axis;  // stays where it is
    SmallVector<int64_t> order;
    for (int64_t from : op.getPermutation()) order.push_back(from >= axis ? from + 1 : from);
    order.insert(order.begin() + axis, axis);
    Value all = again(op, {operands[0].all}, withSteps(op.getResult(), axis));
    all.getDefiningOp<ir::PermuteOp>().setPermutation(order);
    return Lifted{all, axis, false};
  }

  // Softmax, norms, reductions and layouts along one axis, which is counted anew.
  std::optional<Lifted> alongAxis(Operation* op, ArrayRef<Lifted> operands) {
    Value result = op->getResult(0);
    if (!fits(result)) return {};
    int64_t axis = operands[0].axis;
    Shape x = ir::shapeOf(op->getOperand(0));
    auto own = op->getAttrOfType<IntegerAttr>("axis");
    int64_t old = own ? ir::axisIn(x, own.getInt()) : x.rank - 1;  // a norm is along the last one
    if (axis < 0 || (!own && axis == x.rank)) return {};
    int64_t moved = old >= axis ? old + 1 : old, kept = axis;
    if (ir::shapeOf(result).rank < x.rank && old < axis) --kept;  // a reduction drops its axis
    SmallVector<Value> xs;
    for (const Lifted& operand : operands) xs.push_back(operand.all);
    Value all = again(op, xs, withSteps(result, kept));
    if (own) all.getDefiningOp()->setAttr("axis", b_.getI64IntegerAttr(moved));
    return Lifted{all, kept, false};
  }
};

struct HoistSteps : PassWrapper<HoistSteps, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(HoistSteps)
  StringRef getArgument() const final { return "heed-hoist-steps"; }
  StringRef getDescription() const final {
    return "work that no state enters moves in front of its loop, for all steps at once";
  }

  void runOnOperation() final {
    getOperation().walk([](ir::LoopOp loop) { Hoister(loop).run(); });
    // What was made in front and is not read, and what is not read any more in bodies.
    getOperation().walk<WalkOrder::PostOrder, ReverseIterator>([](Operation* op) {
      if (isOpTriviallyDead(op)) op->erase();
    });
  }
};

}  // namespace

std::unique_ptr<Pass> createHoistSteps() { return std::make_unique<HoistSteps>(); }

}  // namespace heed
