// Reductions and norms, gathers, and appends.
#include "heed/compiler/fuse/kernel_former.h"

using namespace mlir;

namespace heed::fuse {

FailureOr<Operation*> KernelFormer::rows(Operation* op, Domain& domain, Value v,
                                         const Coordinates& at, const ExpressionPtr& root,
                                         Expression* anchor, Puller& puller,
                                         std::vector<Value>& conflicts) {
  Value x = op->getOperand(0);
  Shape shape = ir::shapeOf(x);
  Coordinates cx = anchor->coordinates;
  int64_t axis =
      isa<ir::NormalizeOp>(op) ? shape.rank - 1 : op->getAttrOfType<IntegerAttr>("axis").getInt();
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
  SmallVector<NamedAttribute> attributes{
      b_.getNamedAttr("reduction", b_.getStringAttr(op->getName().stripDialect()))};
  if (auto eps = op->getAttr("eps")) attributes.push_back(b_.getNamedAttr("eps", eps));
  return kernel.build("heed.rows", v.getLoc(), attributes);
}

ExpressionPtr KernelFormer::withAffine(ir::NormalizeOp op, Expression* anchor,
                                       const ExpressionPtr& root, Puller& puller,
                                       Expression*& leading) {
  OpBuilder::InsertionGuard guard(b_);
  auto inner = std::make_shared<Expression>(*anchor);
  leading = inner.get();
  ExpressionPtr value = inner;
  for (auto [n, operand] : llvm::enumerate(op.getAffine())) {
    ExpressionPtr x =
        puller.pull(operand, broadcastCoordinates(anchor->coordinates, ir::shapeOf(operand)));
    value = applyExpression(n == 0 ? "heed.mul" : "heed.add", {value, x}, anchor->type);
  }
  if (root.get() == anchor) return value;
  // Everything above keeps its shape; the anchor leaf itself turns into the affine result.
  *anchor = *value;
  return root;
}

FailureOr<Operation*> KernelFormer::gather(ir::GatherOp op, Domain& domain, Value v,
                                           const Coordinates& at, const ExpressionPtr& root,
                                           Expression* anchor, Puller& puller,
                                           std::vector<Value>& conflicts) {
  Shape indices = ir::shapeOf(op.getIndices());
  const Coordinates& c = anchor->coordinates;
  Coordinates row{Coordinate{}};
  row.insert(row.end(), c.begin() + indices.rank, c.end());
  ExpressionPtr index =
      puller.pull(op.getIndices(), Coordinates(c.begin(), c.begin() + indices.rank));
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
  // Named by the gather, whose index may be refused, not by what goes on with the row.
  return kernel.build("heed.map", op.getLoc(), {b_.getNamedAttr("gather", b_.getUnitAttr())});
}

FailureOr<Operation*> KernelFormer::appendKernel(ir::AppendOp op, std::vector<Value>& conflicts) {
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
  if (maker && !isa<ir::ParameterOp, ir::BufferOp>(maker) && !hasBuffer(op.getCache()))
    puller.conflict(op.getCache());
  conflicts = puller.conflicts();
  if (!conflicts.empty()) return static_cast<Operation*>(nullptr);
  KernelBuilder kernel = builder(domain);
  kernel.role('i', row);
  kernel.principal(updated);
  kernel.principal(index);
  kernel.region(rows, {updated.get(), index.get()}, {updated->type, index->type});
  kernel.result(op.getResult(), store);
  std::string count = text_of(ir::shapeOf(op.getRows()).dims[1]);
  return kernel.build("heed.map", op.getLoc(),
                      {b_.getNamedAttr("append", b_.getStringAttr(count))});
}

}  // namespace heed::fuse
