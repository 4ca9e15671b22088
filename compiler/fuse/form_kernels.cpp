// Graph ops become kernel ops. 1: values that get a buffer are chosen. 2: in program order, each of them is pulled back
// to one anchor and other buffers. 3: what was found becomes a kernel; where layouts do not compose, the value in the way
// gets a buffer too and the kernel is formed again. A loop's body is formed like @main, in its place.
#include "heed/compiler/dialect/view.h"
#include "heed/compiler/fuse/attention_chain.h"
#include "heed/compiler/fuse/choose_buffers.h"
#include "heed/compiler/fuse/kernel_builder.h"
#include "heed/compiler/fuse/layouts.h"
#include "heed/compiler/fuse/passes.h"
#include "heed/compiler/fuse/score_parts.h"
#include "heed/compiler/fuse/update_in_place.h"
#include "llvm/ADT/TypeSwitch.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace heed {
namespace {

using namespace fuse;

bool isPlainLoad(const ExpressionPtr& e) { return e->kind == Expression::load; }

class KernelFormer {
 public:
  KernelFormer(func::FuncOp main, Fusion fusion)
      : main_(main), fusion_(fusion), b_(main.getContext()) {}

  LogicalResult run() { return formBlock(main_.front(), main_.front().getTerminator()); }

 private:
  func::FuncOp main_;
  Fusion fusion_;
  OpBuilder b_;
  llvm::DenseSet<Value> buffers_;
  llvm::DenseMap<Value, Value> formed_;  // graph value → kernel-level value
  llvm::DenseSet<Value> returned_;

  // The graph ops of a block as kernels in front of `end`, whose operands become the kernels' results.
  LogicalResult formBlock(Block& block, Operation* end) {
    OpBuilder::InsertionGuard guard(b_);
    b_.setInsertionPoint(end);
    for (Value v : chooseBuffers(block, fusion_)) buffers_.insert(v);
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
    // A result is a buffer that a kernel writes for this result alone. What a loop stacks lies among the other steps, so no
    // reshape can be a view of it, nor can an inner loop keep a state there.
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
      bool own = op && op->getBlock() == end->getBlock() && (ir::isKernelOp(op) || isa<ir::ConcatOp, ir::LoopOp>(op)) &&
                 (!inLoop || isPlain(v, result.getOperandNumber() >= inLoop.getInitial().size())) && returned_.insert(written).second;
      result.set(own ? v : copyOf(v));
    }
    separatePieces(graph, end);
    for (Operation* op : llvm::reverse(graph))
      if (op->use_empty()) op->erase();
    proveAppends(*end->getBlock());
    return success();
  }

  LogicalResult formLoop(ir::LoopOp loop) {
    SmallVector<Value> initial;
    for (Value v : loop.getInitial()) initial.push_back(bufferOf(v));
    auto formed = ir::LoopOp::create(b_, loop.getLoc(), loop.getResultTypes(), initial, loop.getSymbolAttr(),
                                     loop.getStepsAttr(), loop.getAxisAttr(), loop.getReverseAttr(), loop.getStopsAttr());
    auto* body = new Block;
    formed.getBody().push_back(body);
    for (Value v : loop.block().getArguments()) formed_[v] = body->addArgument(v.getType(), v.getLoc());
    for (auto [old, v] : llvm::zip(loop.getResults(), formed.getResults())) formed_[old] = v;
    OpBuilder::InsertionGuard guard(b_);
    b_.setInsertionPointToEnd(body);
    auto end = ir::YieldOp::create(b_, loop.getLoc(), loop.block().getTerminator()->getOperands());
    return formBlock(loop.block(), end);
  }

  // What stands in front of the loop that computes `here` has a buffer.
  static bool isOuter(Value x, Value here) {
    return x.getDefiningOp() && x.getParentBlock() != here.getParentBlock() && !isLeafOp(x.getDefiningOp());
  }

  // A kernel writes it where it belongs, be its shape not that of the kernel's own result.
  bool isPiece(Value v) {
    return !buffers_.contains(v.getDefiningOp()->getOperand(0)) &&
           llvm::any_of(v.getUsers(), [](Operation* user) { return isa<ir::ConcatOp>(user); });
  }

  // Only kernels read v, perhaps through views: they can do so among the other pieces of `concat`.
  static bool isReadInPlace(Value v, Operation* concat) {
    return llvm::all_of(v.getUsers(), [&](Operation* user) {
      if (user == concat) return llvm::count(concat->getOperands(), v) == 1;
      return ir::isKernelOp(user) || (ir::isView(user) && isReadInPlace(user->getResult(0), concat));
    });
  }

  // Kernels write the pieces of a concatenation in place; a piece that is not a kernel's own result is copied there.
  void separatePieces(ArrayRef<Operation*> graph, Operation* end) {
    SmallVector<ir::ConcatOp> concats;
    for (Operation& op : *end->getBlock())
      if (auto concat = dyn_cast<ir::ConcatOp>(op); concat && !llvm::is_contained(graph, &op)) concats.push_back(concat);
    for (ir::ConcatOp concat : concats)
      for (OpOperand& piece : concat->getOpOperands()) {
        Value v = piece.get();
        Operation* writer = v.getDefiningOp();
        if (writer && writer->getBlock() == concat->getBlock() && ir::isKernelOp(writer) && isReadInPlace(v, concat)) continue;
        b_.setInsertionPoint(concat);
        piece.set(copyOf(v));
      }
    b_.setInsertionPoint(end);
  }

  // Appends, and loops of them, update a copy where they may not write over their cache. The last one is judged first.
  void proveAppends(Block& block) {
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

  Value bufferOf(Value v) {
    auto found = formed_.find(v);
    return found == formed_.end() ? v : found->second;  // arguments, parameters and constant tables stand for themselves
  }

  LogicalResult materialise(Value v) {
    if (formed_.contains(v) || !v.getDefiningOp()) return success();
    Operation* op = v.getDefiningOp();
    if (isa<ir::ParameterOp, ir::BufferOp>(op)) return success();
    if (insideAttention(op)) return success();  // the attention kernel gives the weights, if anybody wants them
    buffers_.insert(v);
    if (isa<ir::ConcatOp>(op) || (isa<ir::ReshapeOp>(op) && !isPiece(v))) return alias(op);
    // Every conflict gives one more value a buffer, so this ends.
    for (;;) {
      std::vector<Value> conflicts;
      FailureOr<Operation*> kernel = form(v, conflicts);
      if (failed(kernel)) return failure();
      if (*kernel) {
        formed_[v] = (*kernel)->getResult(0);
        return success();
      }
      for (Value c : conflicts) {
        if (c == v) return isa<ir::ReshapeOp>(op) ? alias(op) : op->emitError("no kernel can compute this value");
        if (failed(viewOf(c)) && failed(materialise(c))) return failure();
      }
    }
  }

  // What views make of a buffer is read there. What is computed once and for all is rather copied.
  LogicalResult viewOf(Value v) {
    if (fusion_ == Fusion::none || formed_.contains(v) || dependsOnParametersOnly(v)) return failure();
    SmallVector<Operation*> views;
    Value x = v;
    for (; x.getDefiningOp() && !buffers_.contains(x) && !isOuter(x, v); x = x.getDefiningOp()->getOperand(0)) {
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

  // A reshape of a buffer is the same buffer; a concatenation's operands are written into it by their own kernels.
  LogicalResult alias(Operation* op) {
    for (Value x : op->getOperands())
      if (failed(materialise(x))) return failure();
    IRMapping map;
    for (Value x : op->getOperands()) {
      Value buffer = bufferOf(x);
      bool joins = isa<ir::ReshapeOp>(op) && !ir::isView(op) && ir::isView(buffer.getDefiningOp());  // what may be apart
      map.map(x, joins ? copyOf(buffer) : buffer);
    }
    formed_[op->getResult(0)] = b_.clone(*op, map)->getResult(0);
    return success();
  }

  Value copyOf(Value v) {
    Domain domain;
    Coordinates at = identity(domain, v);
    Puller puller(domain, [](Value) { return true; }, isAnchorOp);
    return mapKernel(domain, v, at, puller.pull(v, at))->getResult(0);
  }

  Coordinates identity(Domain& domain, Value v) {
    Coordinates at;
    Shape shape = ir::shapeOf(v);
    for (int axis = 0; axis < shape.rank; ++axis) at.push_back(domain.fresh(shape.dims[axis]));
    return at;
  }

  // The kernel that computes v; a null op where `conflicts` need buffers first.
  FailureOr<Operation*> form(Value v, std::vector<Value>& conflicts) {
    if (auto append = v.getDefiningOp<ir::AppendOp>()) return appendKernel(append, conflicts);
    Domain domain;
    Coordinates at = identity(domain, v);
    auto hasBuffer = [&](Value x) { return (buffers_.contains(x) && x != v) || isOuter(x, v); };
    Puller puller(domain, hasBuffer, isAnchorOp);
    ExpressionPtr root = puller.pull(v, at, /*root=*/true);
    Expression* anchor = nullptr;
    visit(root, [&](Expression& e) {
      if (e.kind != Expression::anchor) return;
      if (anchor) puller.conflict(e.op->isBeforeInBlock(anchor->op) ? e.value : anchor->value);
      if (!anchor || anchor->op->isBeforeInBlock(e.op)) anchor = &e;
    });
    conflicts = puller.conflicts();
    if (!conflicts.empty()) return static_cast<Operation*>(nullptr);
    if (!anchor) return mapKernel(domain, v, at, root);
    return TypeSwitch<Operation*, FailureOr<Operation*>>(anchor->op)
        .Case([&](ir::MatmulOp op) {
          return op->hasAttr("heed.attention") ? attention(op, domain, v, at, root, anchor, conflicts)
                                               : contract(op, domain, v, at, root, anchor, puller, conflicts);
        })
        .Case<ir::Conv2dOp, ir::Conv3dOp>([&](auto op) { return convolution(op, domain, v, at, root, anchor, puller, conflicts); })
        .Case([&](ir::GatherOp op) { return gather(op, domain, v, at, root, anchor, puller, conflicts); })
        .Default([&](Operation* op) { return rows(op, domain, v, at, root, anchor, puller, conflicts); });
  }

  KernelBuilder builder(Domain& domain) {
    return KernelBuilder(b_, domain, [this](Value x) { return bufferOf(x); });
  }

  Operation* mapKernel(Domain& domain, Value v, const Coordinates& at, const ExpressionPtr& root) {
    KernelBuilder kernel = builder(domain);
    kernel.role('i', at);
    kernel.region(root, {}, {});
    kernel.result(v, at);
    return kernel.build("heed.map", v.getLoc());
  }

  // Roles follow from which operand a digit addresses.
  void contractionRoles(KernelBuilder& kernel, Domain& domain, const Coordinates& result, const Coordinates& a,
                        const Coordinates& b, const Coordinates& reduced) {
    auto digits = [&](const Coordinates& coordinates) {
      std::vector<int> ids;
      for (const Coordinate& c : domain.normal(coordinates)) digitsOf(c, ids);
      return ids;
    };
    std::vector<int> inA = digits(a), inB = digits(b), all = digits(result), k = digits(reduced);
    auto in = [](const std::vector<int>& ids, int id) { return llvm::is_contained(ids, id); };
    for (int id : all)
      if (in(inA, id) && in(inB, id) && !in(k, id)) kernel.role('b', id);
    for (int id : all)
      if (!in(inB, id) && !in(k, id)) kernel.role('m', id);
    for (int id : all)
      if (in(inB, id) && !in(k, id)) kernel.role('n', id);
    for (int id : k) kernel.role('k', id);
  }

  // The load can tell where a window reaches out of `shape`, which `at` are coordinates of.
  static bool answersOutside(Domain& domain, const ExpressionPtr& load, const Coordinates& at, const Shape& shape) {
    if (!isPlainLoad(load) || load->fill) return false;
    for (auto [axis, c] : llvm::enumerate(at))
      if (c.size() == 1 && c[0].kind == Piece::sum && !keepsBounds(domain, *load, c, shape.dims[axis])) return false;
    return true;
  }

  FailureOr<Operation*> contractKernel(Domain& domain, Value v, const Coordinates& at, const ExpressionPtr& root,
                                       Expression* anchor, Puller& puller, Value a, const Coordinates& ca, Value b,
                                       const Coordinates& cb, const Coordinates& k, std::optional<double> fill,
                                       std::vector<Value>& conflicts) {
    ExpressionPtr left = puller.pull(a, ca), right = puller.pull(b, cb);
    if (fill && !answersOutside(domain, left, ca, ir::shapeOf(a))) puller.conflict(a);
    if (!isPlainLoad(right)) puller.conflict(b);
    visit(left, [&](Expression& e) {
      if (e.kind == Expression::anchor) puller.conflict(e.value);
    });
    Expression* first = nullptr;  // what the prologue transforms
    visit(left, [&](Expression& e) {
      if (e.kind == Expression::load && !first) first = &e;
    });
    if (!first) puller.conflict(a);
    conflicts = puller.conflicts();
    if (!conflicts.empty()) return static_cast<Operation*>(nullptr);
    KernelBuilder kernel = builder(domain);
    Coordinates result = domain.normal(anchor->coordinates);
    result.insert(result.end(), at.begin(), at.end());
    contractionRoles(kernel, domain, result, ca, right->coordinates, k);  // b as it lies, not as it is broadcast
    auto leading = std::make_shared<Expression>(*first);
    if (fill) leading->fill = fill;
    kernel.principal(leading);
    kernel.principal(right);
    kernel.region(left, {first}, {first->type});
    kernel.region(root, {anchor}, {anchor->type});
    kernel.result(v, at);
    return kernel.build("heed.contract", v.getLoc());
  }

  FailureOr<Operation*> contract(ir::MatmulOp op, Domain& domain, Value v, const Coordinates& at,
                                 const ExpressionPtr& root, Expression* anchor, Puller& puller,
                                 std::vector<Value>& conflicts) {
    const Coordinates& c = anchor->coordinates;
    Shape a = ir::shapeOf(op.getA()), b = ir::shapeOf(op.getB());
    Coordinate k = domain.fresh(a[-1]);
    Coordinates ca = contractionBatch(c, a), cb = contractionBatch(c, b);
    ca.push_back(c[c.size() - 2]);
    ca.push_back(k);
    cb.push_back(k);
    cb.push_back(c.back());
    return contractKernel(domain, v, at, root, anchor, puller, op.getA(), ca, op.getB(), cb, {k}, {}, conflicts);
  }

  // Implicit GEMM: the window is a sum of digits in the coordinate, its padding what a read outside gives.
  FailureOr<Operation*> convolution(Operation* op, Domain& domain, Value v, const Coordinates& at,
                                    const ExpressionPtr& root, Expression* anchor, Puller& puller,
                                    std::vector<Value>& conflicts) {
    Value x = op->getOperand(0), w = op->getOperand(1);
    Shape image = ir::shapeOf(x), kernel = ir::shapeOf(w);
    auto step = [&](StringRef name, int axis) { return convolutionStep(op, name, axis); };
    Coordinates c = anchor->coordinates;
    Coordinate group, channel = domain.fresh(kernel[1]);
    if (int64_t groups = op->getAttrOfType<IntegerAttr>("groups").getInt(); groups != 1) {
      auto parts = domain.cut(c[1], Dim(kernel[0].constant / groups));
      if (!parts) return op->emitError("expected output channels that split into groups");
      group = parts->first;
    }
    Coordinate in = group;
    in.insert(in.end(), channel.begin(), channel.end());
    Coordinates ca{c[0], in}, cb{c[1], channel}, reduced{channel};
    std::optional<double> fill;
    for (int axis = 2; axis < image.rank; ++axis) {
      Coordinate tap = domain.fresh(kernel[axis]);
      ca.push_back(sumOf({c[axis], tap}, {Dim(step("stride", axis)), Dim(step("dilation", axis))},
                         Dim(-step("padding", axis)), image[axis]));
      cb.push_back(tap);
      reduced.push_back(tap);
      if (step("padding", axis)) fill = 0.0;
    }
    // Taps and channels in the order in which x lies, so that its rows are runs.
    visit(puller.pull(x, ca), [&](Expression& e) {
      if (e.kind != Expression::load || e.coordinates.empty()) return;
      std::vector<int> inner;
      digitsOf(domain.normal(e.coordinates.back()), inner);
      std::vector<int> own;
      digitsOf(domain.normal(channel), own);
      if (llvm::any_of(own, [&](int id) { return llvm::is_contained(inner, id); }))
        std::rotate(reduced.begin(), std::find(reduced.begin(), reduced.end(), channel) + 1, reduced.end());
    });
    return contractKernel(domain, v, at, root, anchor, puller, x, ca, w, cb, reduced, fill, conflicts);
  }

  FailureOr<Operation*> rows(Operation* op, Domain& domain, Value v, const Coordinates& at, const ExpressionPtr& root,
                             Expression* anchor, Puller& puller, std::vector<Value>& conflicts) {
    Value x = op->getOperand(0);
    Shape shape = ir::shapeOf(x);
    Coordinates cx = anchor->coordinates;
    int64_t axis = isa<ir::NormalizeOp>(op) ? shape.rank - 1 : op->getAttrOfType<IntegerAttr>("axis").getInt();
    if (axis < 0) axis += shape.rank;
    bool reduces = !isa<ir::NormalizeOp, ir::SoftmaxOp>(op);
    Coordinate k;
    if (reduces) {
      k = domain.fresh(shape.dims[axis]);
      bool keep = op->getAttrOfType<BoolAttr>("keep").getValue();
      if (keep) cx[axis] = k;
      else cx.insert(cx.begin() + axis, k);
    } else {
      k = cx[axis];
    }
    ExpressionPtr input = puller.pull(x, cx);
    Expression* first = nullptr;
    visit(input, [&](Expression& e) {
      if (e.kind == Expression::anchor) puller.conflict(e.value);
      if (e.kind == Expression::load && !first) first = &e;
    });
    if (!first) puller.conflict(x);
    ExpressionPtr epilogue = root;
    Expression* leading = anchor;
    if (auto normalize = dyn_cast<ir::NormalizeOp>(op); normalize && !normalize.getAffine().empty())
      epilogue = withAffine(normalize, anchor, root, puller, leading);
    conflicts = puller.conflicts();
    if (!conflicts.empty()) return static_cast<Operation*>(nullptr);
    KernelBuilder kernel = builder(domain);
    std::vector<int> reduced;
    digitsOf(domain.normal(k), reduced);
    std::vector<int> all;
    for (const Coordinate& c : domain.normal(at)) digitsOf(c, all);
    for (int id : all)
      if (!llvm::is_contained(reduced, id)) kernel.role('i', id);
    kernel.role('k', k);
    kernel.principal(std::make_shared<Expression>(*first));
    kernel.region(input, {first}, {first->type});
    kernel.region(epilogue, {leading}, {anchor->type});
    kernel.result(v, at);
    SmallVector<NamedAttribute> attributes{b_.getNamedAttr("reduction", b_.getStringAttr(op->getName().stripDialect()))};
    if (auto eps = op->getAttr("eps")) attributes.push_back(b_.getNamedAttr("eps", eps));
    return kernel.build("heed.rows", v.getLoc(), attributes);
  }

  // Weight and bias of a normalisation are the first two steps of its epilogue.
  ExpressionPtr withAffine(ir::NormalizeOp op, Expression* anchor, const ExpressionPtr& root, Puller& puller,
                           Expression*& leading) {
    OpBuilder::InsertionGuard guard(b_);
    auto inner = std::make_shared<Expression>(*anchor);
    leading = inner.get();
    ExpressionPtr value = inner;
    for (auto [n, operand] : llvm::enumerate(op.getAffine())) {
      ExpressionPtr x = puller.pull(operand, broadcastCoordinates(anchor->coordinates, ir::shapeOf(operand)));
      value = applyExpression(n == 0 ? "heed.mul" : "heed.add", {value, x}, anchor->type);
    }
    if (root.get() == anchor) return value;
    // Everything above keeps its shape; the anchor leaf itself turns into the affine result.
    *anchor = *value;
    return root;
  }

  FailureOr<Operation*> gather(ir::GatherOp op, Domain& domain, Value v, const Coordinates& at, const ExpressionPtr& root,
                               Expression* anchor, Puller& puller, std::vector<Value>& conflicts) {
    Shape indices = ir::shapeOf(op.getIndices());
    const Coordinates& c = anchor->coordinates;
    Coordinates row{Coordinate{}};
    row.insert(row.end(), c.begin() + indices.rank, c.end());
    ExpressionPtr index = puller.pull(op.getIndices(), Coordinates(c.begin(), c.begin() + indices.rank));
    // The table is addressed by a value, so it must be a buffer as it stands.
    if (op.getTable().getDefiningOp() && !buffers_.contains(op.getTable()) &&
        !isa<ir::ParameterOp, ir::BufferOp>(op.getTable().getDefiningOp()))
      puller.conflict(op.getTable());
    if (!isPlainLoad(index) || index->fill) puller.conflict(op.getIndices());
    conflicts = puller.conflicts();
    if (!conflicts.empty()) return static_cast<Operation*>(nullptr);
    KernelBuilder kernel = builder(domain);
    kernel.role('i', at);
    kernel.principal(loadExpression(op.getTable(), row));
    kernel.principal(index);
    kernel.region(root, {anchor, index.get()}, {anchor->type, index->type});
    kernel.result(v, at);
    return kernel.build("heed.map", v.getLoc(), {b_.getNamedAttr("gather", b_.getUnitAttr())});
  }

  FailureOr<Operation*> appendKernel(ir::AppendOp op, std::vector<Value>& conflicts) {
    Domain domain;
    Coordinates row = identity(domain, op.getRows());
    Shape cache = ir::shapeOf(op.getCache());
    Coordinates store{constantAt(Dim(int64_t(op.getLayer())), cache.dims[0]), row[0], row[1], row[2]};
    auto hasBuffer = [&](Value x) { return buffers_.contains(x) || isOuter(x, op.getResult()); };
    Puller puller(domain, hasBuffer, isAnchorOp);
    ExpressionPtr rows = puller.pull(op.getRows(), row), index = puller.pull(op.getAt(), {row[0]});
    ExpressionPtr updated = loadExpression(op.getCache(), store);
    visit(rows, [&](Expression& e) {
      if (e.kind == Expression::anchor) puller.conflict(e.value);
    });
    if (!isPlainLoad(index) || index->fill) puller.conflict(op.getAt());
    Operation* maker = op.getCache().getDefiningOp();
    if (maker && !isa<ir::ParameterOp, ir::BufferOp>(maker) && !hasBuffer(op.getCache())) puller.conflict(op.getCache());
    conflicts = puller.conflicts();
    if (!conflicts.empty()) return static_cast<Operation*>(nullptr);
    KernelBuilder kernel = builder(domain);
    kernel.role('i', row);
    kernel.principal(updated);
    kernel.principal(index);
    kernel.region(rows, {updated.get(), index.get()}, {updated->type, index->type});
    kernel.result(op.getResult(), store);
    std::string count = text_of(ir::shapeOf(op.getRows()).dims[1]);
    return kernel.build("heed.map", op.getLoc(), {b_.getNamedAttr("append", b_.getStringAttr(count))});
  }

  FailureOr<Operation*> attention(ir::MatmulOp op, Domain& domain, Value v, const Coordinates& at,
                                  const ExpressionPtr& root, Expression* anchor, std::vector<Value>& conflicts);
};

FailureOr<Operation*> KernelFormer::attention(ir::MatmulOp op, Domain& domain, Value v, const Coordinates& at,
                                              const ExpressionPtr& root, Expression* anchor,
                                              std::vector<Value>& conflicts) {
  auto hasBuffer = [&](Value x) {
    return (buffers_.contains(x) && x != v && !insideAttention(x.getDefiningOp())) || isOuter(x, v);
  };
  std::string why;
  auto chain = attentionChain(op, domain, anchor->coordinates, hasBuffer, why);
  if (!chain) return op.emitError("recognised as attention, but ") << why;
  Puller& puller = *chain->puller;
  ExpressionPtr q = puller.pull(chain->scoreContraction.getA(), chain->query);
  ExpressionPtr k = puller.pull(chain->scoreContraction.getB(), chain->keys);
  ExpressionPtr value = puller.pull(op.getB(), chain->value);
  ScoreParts parts = takeApart(chain->score, chain->scoreLeaf, b_.getI1Type());
  for (auto [operand, e] : {std::pair<Value, ExpressionPtr*>{chain->scoreContraction.getA(), &q},
                            {chain->scoreContraction.getB(), &k}})
    while (ExpressionPtr inner = withoutFactor(*e, parts.scale)) *e = inner;
  for (ExpressionPtr* e : {&q, &k, &value})
    if (ExpressionPtr stored = withoutWidening(*e)) *e = stored;
  if (!isPlainLoad(q) || q->fill) puller.conflict(chain->scoreContraction.getA());
  if (!isPlainLoad(k) || k->fill) puller.conflict(chain->scoreContraction.getB());
  if (!isPlainLoad(value) || value->fill) puller.conflict(op.getB());
  visit(chain->score, [&](Expression& e) {
    if (e.kind == Expression::anchor && &e != chain->scoreLeaf) puller.conflict(e.value);
  });
  conflicts = puller.conflicts();
  if (!conflicts.empty()) return static_cast<Operation*>(nullptr);

  KernelBuilder kernel = builder(domain);
  const Coordinates& c = anchor->coordinates;
  kernel.role('b', Coordinates(c.begin(), c.end() - 2));
  kernel.role('i', c[c.size() - 2]);
  kernel.role('j', chain->key);
  kernel.role('e', chain->feature);
  kernel.role('d', c.back());
  for (const ExpressionPtr& e : {q, k, value}) kernel.principal(e);
  kernel.region(parts.score, {chain->scoreLeaf}, {chain->scoreLeaf->type});
  kernel.region(parts.mask, {}, {});
  kernel.region(root, {anchor}, {anchor->type});
  kernel.result(v, at);
  Value weights = chain->softmax.getResult();
  bool wanted = buffers_.contains(weights);
  if (wanted) kernel.result(weights, chain->weights);
  Operation* result = kernel.build("heed.attention", v.getLoc(), {b_.getNamedAttr("scale", b_.getF64FloatAttr(parts.scale))});
  if (wanted) formed_[weights] = result->getResult(1);
  return result;
}

struct FormKernels : PassWrapper<FormKernels, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FormKernels)
  FormKernels() = default;
  FormKernels(const FormKernels& other) : PassWrapper(other) {}
  explicit FormKernels(Fusion fusion) { level = fusion; }
  StringRef getArgument() const final { return "heed-form-kernels"; }
  StringRef getDescription() const final { return "graph ops become kernel ops with index maps and regions"; }
  Option<Fusion> level{*this, "fusion", llvm::cl::desc("none, layout or all"), llvm::cl::init(Fusion::all),
                       llvm::cl::values(clEnumValN(Fusion::none, "none", "one kernel a DSL op"),
                                        clEnumValN(Fusion::layout, "layout", "layout ops become index maps"),
                                        clEnumValN(Fusion::all, "all", "elementwise work absorbed, attention formed"))};

  void runOnOperation() final {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main || failed(KernelFormer(main, level).run())) signalPassFailure();
  }
};

}  // namespace

std::unique_ptr<Pass> createFormKernels(Fusion fusion) { return std::make_unique<FormKernels>(fusion); }

}  // namespace heed
