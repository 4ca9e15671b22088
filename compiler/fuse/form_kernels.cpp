// Graph ops become kernel ops. 1: values that get a buffer are chosen. 2: in program order, each of
// them is pulled back to one anchor and other buffers. 3: what was found becomes a kernel; where
// layouts do not compose, the value in the way gets a buffer too and the kernel is formed again. A
// loop's body is formed like @main, in its place.
#include "heed/compiler/dialect/view.h"
#include "heed/compiler/fuse/kernel_former.h"
#include "heed/compiler/fuse/update_in_place.h"
#include "llvm/ADT/TypeSwitch.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace heed {
namespace fuse {

LogicalResult KernelFormer::formBlock(Block& block, Operation* end) {
  OpBuilder::InsertionGuard guard(b_);
  b_.setInsertionPoint(end);
  Buffers chosen = chooseBuffers(block, fusion_, parts_);
  for (Value v : chosen.values) buffers_.insert(v);
  for (const Combined& c : chosen.combined)
    for (Value v : c.values) combined_[v] = c;
  SmallVector<Operation*> graph;
  for (Operation& op : block.without_terminator()) graph.push_back(&op);
  for (Operation* op : graph) {
    if (isa<ir::ParameterOp, ir::BufferOp>(op)) op->moveBefore(end);  // they stand for themselves
    if (auto loop = dyn_cast<ir::LoopOp>(op)) {
      if (failed(formLoop(loop))) return failure();
      continue;
    }
    for (Value v : op->getResults())
      if (buffers_.contains(v) && failed(materialise(v))) return failure();
  }
  // A result is a buffer that a kernel writes for this result alone. What a loop stacks lies among
  // the other steps, so no reshape can be a view of it, nor can an inner loop keep a state there.
  auto inLoop = dyn_cast<ir::LoopOp>(end->getParentOp());
  auto isPlain = [](Value v, bool stacked) {
    auto inner = v.getDefiningOp<ir::LoopOp>();
    return v.getDefiningOp() && !isa<ir::ReshapeOp>(v.getDefiningOp()) &&
           !(stacked && inner && cast<OpResult>(v).getResultNumber() < inner.getInitial().size()) &&
           llvm::none_of(v.getUsers(), [](Operation* user) { return isa<ir::ReshapeOp>(user); });
  };
  for (OpOperand& result : end->getOpOperands()) {
    Value v = bufferOf(result.get()), written = v;
    while (auto reshape = written.getDefiningOp<ir::ReshapeOp>()) written = reshape.getX();
    Operation* op = written.getDefiningOp();
    bool own = op && op->getBlock() == end->getBlock() &&
               (ir::isKernelOp(op) || isa<ir::ConcatOp, ir::LoopOp>(op)) &&
               (!inLoop || isPlain(v, result.getOperandNumber() >= inLoop.getInitial().size())) &&
               returned_.insert(written).second;
    auto again = again_.find(result.get());
    const bool twice = !own && again != again_.end() && !again->second.empty();
    result.set(own ? v : twice ? again->second.pop_back_val() : copyOf(v));
  }
  separatePieces(graph, end);
  for (Operation* op : llvm::reverse(graph))
    if (op->use_empty()) op->erase();
  proveAppends(*end->getBlock());
  return success();
}

LogicalResult KernelFormer::formLoop(ir::LoopOp loop) {
  SmallVector<Value> initial;
  for (Value v : loop.getInitial()) initial.push_back(bufferOf(v));
  auto formed = ir::LoopOp::create(b_, loop.getLoc(), loop.getResultTypes(), initial,
                                   loop.getSymbolAttr(), loop.getStepsAttr(), loop.getAxisAttr(),
                                   loop.getReverseAttr(), loop.getStopsAttr());
  auto* body = new Block;
  formed.getBody().push_back(body);
  for (Value v : loop.block().getArguments())
    formed_[v] = body->addArgument(v.getType(), v.getLoc());
  for (auto [old, v] : llvm::zip(loop.getResults(), formed.getResults())) formed_[old] = v;
  OpBuilder::InsertionGuard guard(b_);
  b_.setInsertionPointToEnd(body);
  auto end = ir::YieldOp::create(b_, loop.getLoc(), loop.block().getTerminator()->getOperands());
  return formBlock(loop.block(), end);
}

bool KernelFormer::isPiece(Value v) {
  return !buffers_.contains(v.getDefiningOp()->getOperand(0)) &&
         llvm::any_of(v.getUsers(), [](Operation* user) { return isa<ir::ConcatOp>(user); });
}

bool KernelFormer::isReadInPlace(Value v, Operation* concat) {
  return llvm::all_of(v.getUsers(), [&](Operation* user) {
    if (user == concat) return llvm::count(concat->getOperands(), v) == 1;
    return ir::isKernelOp(user) || (ir::isView(user) && isReadInPlace(user->getResult(0), concat));
  });
}

void KernelFormer::separatePieces(ArrayRef<Operation*> graph, Operation* end) {
  SmallVector<ir::ConcatOp> concats;
  for (Operation& op : *end->getBlock())
    if (auto concat = dyn_cast<ir::ConcatOp>(op); concat && !llvm::is_contained(graph, &op))
      concats.push_back(concat);
  for (ir::ConcatOp concat : concats)
    for (OpOperand& piece : concat->getOpOperands()) {
      Value v = piece.get();
      Operation* writer = v.getDefiningOp();
      if (writer && writer->getBlock() == concat->getBlock() && ir::isKernelOp(writer) &&
          isReadInPlace(v, concat))
        continue;
      b_.setInsertionPoint(concat);
      piece.set(copyOf(v));
    }
  b_.setInsertionPoint(end);
}

void KernelFormer::proveAppends(Block& block) {
  OpBuilder::InsertionGuard guard(b_);
  auto prove = [&](Operation& op, unsigned n) {
    if (mayUpdate(&op, n)) return;
    b_.setInsertionPoint(&op);
    op.setOperand(n, copyOf(op.getOperand(n)));
  };
  for (Operation& op : llvm::make_early_inc_range(llvm::reverse(block))) {
    if (ir::isAppend(&op)) prove(op, 0);
    if (auto loop = dyn_cast<ir::LoopOp>(op))
      for (unsigned n = 0; n < loop.getInitial().size(); ++n)
        if (updatesState(loop, n)) prove(op, n);
  }
}

LogicalResult KernelFormer::materialise(Value v) {
  if (formed_.contains(v) || !v.getDefiningOp()) return success();
  Operation* op = v.getDefiningOp();
  if (isa<ir::ParameterOp, ir::BufferOp>(op)) return success();
  // the attention kernel gives the weights, if anybody wants them
  if (insideAttention(op)) return success();
  buffers_.insert(v);
  if (isa<ir::ConcatOp>(op) || (isa<ir::ReshapeOp>(op) && !isPiece(v))) return alias(op);
  std::vector<Value> values{v};
  if (auto combined = combined_.find(v); combined != combined_.end()) {
    // Readers come behind the last one, what it reads in front of it.
    if (v != combined->second.values.back()) return success();
    values.assign(combined->second.values.begin(), combined->second.values.end());
  }
  // Every conflict gives one more value a buffer, so this ends.
  for (;;) {
    std::vector<Value> conflicts;
    FailureOr<Operation*> kernel = form(values, conflicts);
    if (failed(kernel)) return failure();
    if (*kernel) {
      ResultRange results = (*kernel)->getResults();
      for (auto [value, result] : llvm::zip(values, results)) formed_[value] = result;
      size_t next = values.size();
      for (Value value : values)
        while (next < results.size() && again_[value].size() < timesMore(value))
          again_[value].push_back(results[next++]);
      return success();
    }
    for (Value c : conflicts) {
      if (c == v)
        return isa<ir::ReshapeOp>(op) ? alias(op)
                                      : op->emitError("no kernel can compute this value");
      if (failed(viewOf(c)) && failed(materialise(c))) return failure();
    }
  }
}

LogicalResult KernelFormer::viewOf(Value v) {
  if (fusion_ == Fusion::none || formed_.contains(v) || dependsOnParametersOnly(v))
    return failure();
  SmallVector<Operation*> views;
  Value x = v;
  for (; x.getDefiningOp() && !buffers_.contains(x) && !isOuter(x, v);
       x = x.getDefiningOp()->getOperand(0)) {
    if (!ir::isView(x.getDefiningOp())) return failure();
    views.push_back(x.getDefiningOp());
  }
  if (views.empty() || failed(materialise(x))) return failure();
  IRMapping map;
  map.map(x, bufferOf(x));
  for (Operation* view : llvm::reverse(views)) b_.clone(*view, map);
  buffers_.insert(v);
  formed_[v] = map.lookup(v);
  return success();
}

LogicalResult KernelFormer::alias(Operation* op) {
  for (Value x : op->getOperands())
    if (failed(materialise(x))) return failure();
  IRMapping map;
  for (Value x : op->getOperands()) {
    Value buffer = bufferOf(x);
    // what may be apart
    bool joins = isa<ir::ReshapeOp>(op) && !ir::isView(op) && ir::isView(buffer.getDefiningOp());
    map.map(x, joins ? copyOf(buffer) : buffer);
  }
  formed_[op->getResult(0)] = b_.clone(*op, map)->getResult(0);
  return success();
}

Value KernelFormer::copyOf(Value v) {
  Domain domain;
  Coordinates at = identity(domain, v);
  Puller puller(domain, [](Value) { return true; }, isAnchorOp);
  return mapKernel(domain, v, at, puller.pull(v, at))->getResult(0);
}

Coordinates KernelFormer::identity(Domain& domain, Value v) {
  Coordinates at;
  Shape shape = ir::shapeOf(v);
  for (int axis = 0; axis < shape.rank; ++axis) at.push_back(domain.fresh(shape.dims[axis]));
  return at;
}

size_t KernelFormer::timesMore(Value v) {
  if (fusion_ != Fusion::all) return 0;
  int64_t times = llvm::count(b_.getInsertionBlock()->getTerminator()->getOperands(), v);
  return size_t(std::max<int64_t>(times - 1, 0));
}

FailureOr<Operation*> KernelFormer::form(std::vector<Value> values, std::vector<Value>& conflicts) {
  Value v = values.front();
  if (auto append = v.getDefiningOp<ir::AppendOp>()) return appendKernel(append, conflicts);
  Domain domain;
  Coordinates at = identity(domain, v);
  auto hasBuffer = [&](Value x) {
    return (buffers_.contains(x) && !llvm::is_contained(values, x)) || isOuter(x, v);
  };
  Puller puller(domain, hasBuffer, isAnchorOp);
  Computed computed{values, at, {}, {}};
  for (Value value : values) computed.roots.push_back(puller.pull(value, at, /*root=*/true));
  const bool combines = combined_.contains(v);
  Expression* anchor = nullptr;
  for (const ExpressionPtr& root : computed.roots)
    visit(root, [&](Expression& e) {
      if (e.kind != Expression::anchor || llvm::is_contained(computed.anchors, &e)) return;
      computed.anchors.push_back(&e);
      if (anchor && !combines)
        puller.conflict(e.op->isBeforeInBlock(anchor->op) ? e.value : anchor->value);
      if (!anchor || anchor->op->isBeforeInBlock(e.op)) anchor = &e;
    });
  const ExpressionPtr& root = computed.roots.front();
  conflicts = puller.conflicts();
  if (!conflicts.empty()) return static_cast<Operation*>(nullptr);
  if (!anchor) return mapKernel(domain, v, at, root);
  return TypeSwitch<Operation*, FailureOr<Operation*>>(anchor->op)
      .Case([&](ir::MatmulOp op) {
        return op->hasAttr("heed.attention")
                   ? attention(op, domain, v, at, root, anchor, conflicts)
                   : contract(op, domain, computed, puller, conflicts);
      })
      .Case<ir::Conv2dOp, ir::Conv3dOp>(
          [&](auto op) { return convolution(op, domain, computed, puller, conflicts); })
      .Case([&](ir::GatherOp op) {
        return gather(op, domain, v, at, root, anchor, puller, conflicts);
      })
      .Default(
          [&](Operation* op) { return rows(op, domain, v, at, root, anchor, puller, conflicts); });
}

Operation* KernelFormer::mapKernel(Domain& domain, Value v, const Coordinates& at,
                                   const ExpressionPtr& root) {
  KernelBuilder kernel = builder(domain);
  kernel.role('i', at);
  kernel.region(root, {}, {});
  kernel.result(v, at);
  return kernel.build("heed.map", v.getLoc());
}

}  // namespace fuse

namespace {

struct FormKernels : PassWrapper<FormKernels, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FormKernels)
  FormKernels() = default;
  FormKernels(const FormKernels& other) : PassWrapper(other) {}
  FormKernels(Fusion fusion, bool parts) {
    level = fusion;
    combine = parts;
  }
  StringRef getArgument() const final { return "heed-form-kernels"; }
  StringRef getDescription() const final {
    return "graph ops become kernel ops with index maps and regions";
  }
  Option<Fusion> level{
      *this, "fusion", llvm::cl::desc("none, layout or all"), llvm::cl::init(Fusion::all),
      llvm::cl::values(
          clEnumValN(Fusion::none, "none", "one kernel a DSL op"),
          clEnumValN(Fusion::layout, "layout", "layout ops become index maps"),
          clEnumValN(Fusion::all, "all", "elementwise work absorbed, attention formed"))};

  Option<bool> combine{*this, "parts", llvm::cl::desc("a product's parts meet in one kernel"),
                       llvm::cl::init(true)};

  void runOnOperation() final {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main || failed(fuse::KernelFormer(main, level, combine).run())) signalPassFailure();
  }
};

}  // namespace

std::unique_ptr<Pass> createFormKernels(Fusion fusion, bool parts) {
  return std::make_unique<FormKernels>(fusion, parts);
}

}  // namespace heed
