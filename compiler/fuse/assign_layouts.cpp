// Convolutions and what they feed lie channels last, [batch, image..., channels], whatever the
// graph calls their axes: a kernel then reads, writes and pools along channels, and nothing is
// transposed between two convolutions. One walk in program order: what a convolution or a pooling
// of channels-last values gives is turned once, by a permute that keeps its buffer; elementwise ops
// follow their operands; all other readers see the value turned back, which is an index map. A
// depthwise convolution is no matrix product: it becomes the sum over a window times the channel's
// weights.
#include "heed/compiler/dialect/heed.h"
#include "heed/compiler/fuse/choose_buffers.h"
#include "heed/compiler/fuse/layouts.h"
#include "heed/compiler/fuse/passes.h"
#include "llvm/ADT/DenseMap.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace heed {
namespace {

using namespace fuse;

class LayoutAssigner {
 public:
  explicit LayoutAssigner(func::FuncOp main) : main_(main), b_(main.getContext()) {}

  void run() {
    SmallVector<Operation*> graph;
    for (Operation& op : main_.front()) graph.push_back(&op);
    main_.walk([&](ir::GatherOp op) {
      if (op->hasAttr(in_scores)) turnTable(op);
    });
    for (Operation* op : graph) {
      if (Operation* sum = asWindows(op)) op = sum;
      b_.setInsertionPointAfter(op);
      if (isConvolution(op) || pools(op)) turn(op->getResult(0));
      else if (!follow(op)) turnBack(op);
    }
    for (Operation* op : llvm::reverse(graph))
      if (replaced_.contains(op) && op->use_empty()) op->erase();
  }

 private:
  func::FuncOp main_;
  OpBuilder b_;
  llvm::DenseMap<Value, Value> last_;  // value → the same, channels last
  llvm::DenseSet<Operation*> replaced_;

  static bool isConvolution(Operation* op) { return isa<ir::Conv2dOp, ir::Conv3dOp>(op); }

  // 0, 2, …, rank - 1, 1 and back
  static SmallVector<int64_t> toLast(int rank) {
    SmallVector<int64_t> order{0};
    for (int axis = 2; axis < rank; ++axis) order.push_back(axis);
    order.push_back(1);
    return order;
  }
  static SmallVector<int64_t> fromLast(int rank) {
    SmallVector<int64_t> order{0, rank - 1};
    for (int axis = 1; axis + 1 < rank; ++axis) order.push_back(axis);
    return order;
  }
  Value permute(Value x, ArrayRef<int64_t> order, StringRef mark) {
    Shape from = ir::shapeOf(x), to = from;
    for (auto [axis, source] : llvm::enumerate(order)) to.dims[axis] = from.dims[source];
    Type element = cast<RankedTensorType>(x.getType()).getElementType();
    auto op = ir::PermuteOp::create(b_, x.getLoc(), ir::tensorType(to, element), x, order);
    op->setAttr(mark, b_.getUnitAttr());
    return op.getResult();
  }
  Value reshape(Value x, const Shape& shape) {
    Type type = ir::tensorType(shape, cast<RankedTensorType>(x.getType()).getElementType());
    auto op = ir::ReshapeOp::create(b_, x.getLoc(), type, x);
    op->setAttr(read_through, b_.getUnitAttr());
    return op.getResult();
  }

  void turn(Value v) { last_[v] = permute(v, toLast(ir::shapeOf(v).rank), keeps_buffer); }

  // A reduction over windows of a value that lies channels last.
  bool pools(Operation* op) {
    if (!isa<ir::SumOp, ir::MeanOp, ir::MaxOp, ir::MinOp>(op) || !overlaps(op->getOperand(0)))
      return false;
    Shape result = ir::shapeOf(op->getResult(0));
    if (result.rank != 4 && result.rank != 5) return false;
    if (replaced_.contains(op)) return true;  // a depthwise convolution
    Value x = op->getOperand(0);
    while (Operation* inner = x.getDefiningOp()) {
      if (auto back = dyn_cast<ir::PermuteOp>(inner); back && back->hasAttr(read_through))
        return true;
      if (!ir::isLayoutOp(inner)) return false;
      x = inner->getOperand(0);
    }
    return false;
  }

  // An elementwise op on channels-last operands gives a channels-last result.
  bool follow(Operation* op) {
    if (!ir::isScalarOp(op) || op->getNumResults() != 1) return false;
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    if (!type || llvm::none_of(op->getOperands(), [&](Value x) { return last_.contains(x); }))
      return false;
    Shape shape = ir::shapeOf(type), turned = shape;
    for (Value x : op->getOperands())
      if (last_.contains(x) && ir::shapeOf(x).rank != shape.rank) return false;
    for (auto [axis, source] : llvm::enumerate(toLast(shape.rank)))
      turned.dims[axis] = shape.dims[source];
    SmallVector<Value> operands;
    for (Value x : op->getOperands()) {
      Shape own = ir::shapeOf(x);
      if (Value known = last_.lookup(x)) {
        operands.push_back(known);
        continue;
      }
      if (own.rank > 0) {
        Shape whole;
        for (int n = own.rank; n < shape.rank; ++n) whole.append(Dim(1));
        for (int n = 0; n < own.rank; ++n) whole.append(own.dims[n]);
        if (own.rank < shape.rank) x = reshape(x, whole);
        x = permute(x, toLast(shape.rank), read_through);
      }
      operands.push_back(x);
    }
    OperationState state(op->getLoc(), op->getName());
    state.addOperands(operands);
    state.addTypes(ir::tensorType(turned, type.getElementType()));
    state.addAttributes(op->getAttrs());
    last_[op->getResult(0)] = b_.create(state)->getResult(0);
    replaced_.insert(op);
    return true;
  }

  void turnBack(Operation* op) {
    b_.setInsertionPoint(op);
    for (OpOperand& operand : op->getOpOperands())
      if (Value known = last_.lookup(operand.get()))
        operand.set(permute(known, fromLast(ir::shapeOf(known).rank), read_through));
  }

  // A table that is known beforehand lies with its rows last: neighbouring keys then look up
  // neighbours.
  void turnTable(ir::GatherOp op) {
    Value table = op.getTable();
    const int rank = ir::shapeOf(table).rank;
    if (rank < 2 || !dependsOnParametersOnly(table)) return;
    b_.setInsertionPoint(op);
    auto last = llvm::to_vector(llvm::seq<int64_t>(1, rank)),
         first = llvm::to_vector(llvm::seq<int64_t>(-1, rank - 1));
    last.push_back(0);
    first[0] = rank - 1;
    op.getTableMutable().assign(permute(permute(table, last, keeps_buffer), first, read_through));
  }

  // Σ over the taps of window(x) · w; null where `op` is no depthwise convolution. x, turned back,
  // is read by it.
  Operation* asWindows(Operation* op) {
    if (!isConvolution(op)) return nullptr;
    turnBack(op);
    Value x = op->getOperand(0), w = op->getOperand(1);
    Shape image = ir::shapeOf(x), kernel = ir::shapeOf(w), result = ir::shapeOf(op->getResult(0));
    int64_t groups = op->getAttrOfType<IntegerAttr>("groups").getInt();
    if (groups == 1 || !(image.dims[1] == Dim(groups)) || !(kernel.dims[0] == Dim(groups)))
      return nullptr;
    Type element = cast<RankedTensorType>(x.getType()).getElementType();
    for (int axis = 2; axis < image.rank; ++axis) {
      int64_t stride = convolutionStep(op, "stride", axis),
              padding = convolutionStep(op, "padding", axis);
      Shape shape = ir::shapeOf(x);
      shape.dims[axis] = result.dims[axis];
      shape.append(kernel.dims[axis]);
      auto window = ir::WindowOp::create(
          b_, op->getLoc(), ir::tensorType(shape, element), x, b_.getI64IntegerAttr(axis),
          b_.getI64IntegerAttr(kernel.dims[axis].constant), b_.getI64IntegerAttr(stride),
          b_.getI64IntegerAttr(convolutionStep(op, "dilation", axis)),
          b_.getI64IntegerAttr(padding), b_.getI64IntegerAttr(padding), b_.getF64FloatAttr(0));
      x = window.getResult();
    }
    // w: [channels, 1, taps...], kept as [taps, channels] and read as [channels, 1.., taps]
    Dim taps(1);
    for (int axis = 2; axis < kernel.rank; ++axis) taps = taps * kernel.dims[axis];
    Shape flat, merged = result;
    flat.append(kernel.dims[0]);
    flat.append(taps);
    Value rows = permute(reshape(w, flat), {1, 0}, keeps_buffer);
    Value back = permute(rows, {1, 0}, read_through);
    Shape wide;
    wide.append(kernel.dims[0]);
    for (int axis = 2; axis < image.rank; ++axis) wide.append(Dim(1));
    for (int axis = 2; axis < kernel.rank; ++axis) wide.append(kernel.dims[axis]);
    auto product = ir::MulOp::create(b_, op->getLoc(), x.getType(), x, reshape(back, wide));
    product->setAttr(read_through, b_.getUnitAttr());
    merged.append(taps);
    auto sum = ir::SumOp::create(b_, op->getLoc(), op->getResult(0).getType(),
                                 reshape(product.getResult(), merged),
                                 b_.getI64IntegerAttr(result.rank), b_.getBoolAttr(false));
    op->getResult(0).replaceAllUsesWith(sum.getResult());
    replaced_.insert(op);
    replaced_.insert(sum);
    return sum;
  }
};

struct AssignLayouts : PassWrapper<AssignLayouts, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(AssignLayouts)
  StringRef getArgument() const final { return "heed-assign-layouts"; }
  StringRef getDescription() const final { return "what convolutions give lies channels last"; }

  void runOnOperation() final {
    if (auto main = getOperation().lookupSymbol<func::FuncOp>("main")) LayoutAssigner(main).run();
  }
};

}  // namespace

std::unique_ptr<Pass> createAssignLayouts() { return std::make_unique<AssignLayouts>(); }

}  // namespace heed
