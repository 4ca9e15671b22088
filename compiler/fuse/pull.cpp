#include "heed/compiler/fuse/pull.h"

#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/TypeSwitch.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace heed::fuse {

static ExpressionPtr make(Expression::Kind kind, Type type, const Coordinates& coordinates = {}) {
  auto e = std::make_shared<Expression>();
  e->kind = kind;
  e->type = type;
  e->coordinates = coordinates;
  return e;
}

ExpressionPtr constantExpression(double number, Type type) {
  ExpressionPtr e = make(Expression::constant, type);
  e->number = number;
  return e;
}

ExpressionPtr loadExpression(Value value, const Coordinates& coordinates) {
  ExpressionPtr e = make(Expression::load, getElementTypeOrSelf(value.getType()), coordinates);
  e->value = value;
  return e;
}

ExpressionPtr applyExpression(StringRef name, std::vector<ExpressionPtr> operands, Type type) {
  ExpressionPtr e = make(Expression::apply, type);
  e->name = name;
  e->operands = std::move(operands);
  return e;
}

void visit(const ExpressionPtr& root, const std::function<void(Expression&)>& f) {
  llvm::SmallPtrSet<Expression*, 16> seen;
  std::function<void(const ExpressionPtr&)> walk = [&](const ExpressionPtr& e) {
    if (!seen.insert(e.get()).second) return;
    f(*e);
    for (const ExpressionPtr& x : e->operands) walk(x);
  };
  walk(root);
}

bool sameExpression(const Domain& domain, const ExpressionPtr& a, const ExpressionPtr& b) {
  if (a == b) return true;
  if (a->kind != b->kind || a->value != b->value || a->number != b->number || a->dim != b->dim ||
      a->type != b->type || a->fill != b->fill || a->operands.size() != b->operands.size())
    return false;
  if (a->op != b->op || a->name != b->name) return false;
  if (!(domain.normal(a->coordinates) == domain.normal(b->coordinates))) return false;
  for (size_t i = 0; i < a->operands.size(); ++i)
    if (!sameExpression(domain, a->operands[i], b->operands[i])) return false;
  return true;
}

Coordinates broadcastCoordinates(const Coordinates& coordinates, const Shape& operand) {
  Coordinates result(coordinates.end() - operand.rank, coordinates.end());
  for (int axis = 0; axis < operand.rank; ++axis)
    if (operand.dims[axis] == Dim(1)) result[axis].clear();
  return result;
}

bool keepsBounds(const Domain& domain, const Expression& load, const Coordinate& coordinate,
                 const Dim& extent) {
  Shape shape = ir::shapeOf(load.value);
  for (int axis = 0; axis < shape.rank; ++axis)
    if (shape.dims[axis] == extent &&
        domain.normal(load.coordinates[axis]) == domain.normal(coordinate))
      return true;
  return false;
}

ExpressionPtr Puller::give_up(Operation* op, const Coordinates& coordinates, Value culprit) {
  conflicts_.push_back(culprit);
  return loadExpression(op->getResult(0), coordinates);
}

ExpressionPtr Puller::pull(Value value, const Coordinates& given, bool root) {
  Coordinates at = domain_.normal(given);
  for (const Memo& m : memo_)
    if (m.value == value && domain_.normal(m.coordinates) == at) return m.result;
  Operation* op = value.getDefiningOp();
  ExpressionPtr result;
  if (!op || (!root && hasBuffer_(value)) || isa<ir::ParameterOp, ir::BufferOp>(op)) {
    result = loadExpression(value, at);
  } else if (auto gather = dyn_cast<ir::GatherOp>(op); gather && isLookup_(op)) {
    result = lookup(gather, at);
  } else if (isAnchor_(op)) {
    result = make(Expression::anchor, getElementTypeOrSelf(value.getType()), at);
    result->value = value;
    result->op = op;
  } else if (auto constant = dyn_cast<ir::ConstantOp>(op)) {
    result = constantExpression(constant.getValue().convertToDouble(),
                                getElementTypeOrSelf(value.getType()));
  } else if (auto extent = dyn_cast<ir::ExtentOp>(op)) {
    result = make(Expression::extent, getElementTypeOrSelf(value.getType()));
    result->dim = extent.getDim();
  } else if (auto position = dyn_cast<ir::PositionOp>(op)) {
    int64_t axis = position.getAxis();
    if (axis < 0) axis += at.size();
    result = make(Expression::position, getElementTypeOrSelf(value.getType()), {at[axis]});
  } else if (isa<ir::ProbeOp>(op)) {
    result = pull(op->getOperand(0), at);
  } else if (ir::isScalarOp(op)) {
    result = scalar(op, at);
  } else {
    result = layout(op, at);
  }
  memo_.push_back({value, at, result});
  return result;
}

ExpressionPtr Puller::scalar(Operation* op, const Coordinates& coordinates) {
  std::vector<ExpressionPtr> operands;
  for (Value x : op->getOperands())
    operands.push_back(pull(x, broadcastCoordinates(coordinates, ir::shapeOf(x))));
  return applyExpression(op->getName().getStringRef(), std::move(operands),
                         getElementTypeOrSelf(op->getResult(0).getType()));
}

ExpressionPtr Puller::lookup(ir::GatherOp op, const Coordinates& coordinates) {
  auto rank = ir::shapeOf(op.getIndices()).rank;
  ExpressionPtr e = make(Expression::lookup, getElementTypeOrSelf(op.getType()), {Coordinate{}});
  e->op = op;
  e->operands = {
      pull(op.getIndices(), Coordinates(coordinates.begin(), coordinates.begin() + rank))};
  e->coordinates.insert(e->coordinates.end(), coordinates.begin() + rank, coordinates.end());
  Value table = op.getTable();
  int64_t axis = 0;
  while (auto permute =
             hasBuffer_(table) ? ir::PermuteOp() : table.getDefiningOp<ir::PermuteOp>()) {
    Coordinates inner = e->coordinates;
    for (auto [outer, from] : llvm::enumerate(permute.getPermutation()))
      inner[from] = e->coordinates[outer];
    e->coordinates = inner;
    axis = permute.getPermutation()[axis];
    table = permute.getX();
  }
  // It is addressed by a value, so it must be a buffer as it stands.
  if (table.getDefiningOp() && !hasBuffer_(table) &&
      !isa<ir::ParameterOp, ir::BufferOp>(table.getDefiningOp()))
    conflict(table);
  e->value = table;
  e->number = double(axis);
  return e;
}

ExpressionPtr Puller::filled(Operation* op, const Coordinates& coordinates,
                             const Coordinates& inner, int64_t axis, double value) {
  Value source = op->getOperand(0);
  ExpressionPtr x = pull(source, inner);
  // Only a load can answer outside its bounds; one that already answers differently cannot do both.
  if (x->kind != Expression::load || (x->fill && *x->fill != value) ||
      !keepsBounds(domain_, *x, inner[axis], ir::shapeOf(source).dims[axis]))
    return give_up(op, coordinates, source);
  auto e = std::make_shared<Expression>(*x);
  e->fill = value;
  return e;
}

ExpressionPtr Puller::padded(ir::PadOp op, const Coordinates& coordinates) {
  Shape inner = ir::shapeOf(op.getX());
  int64_t axis = ir::axisIn(inner, op.getAxis());
  Coordinates at = coordinates;
  auto before = parse_dim(std::string(op.getBefore()));
  at[axis] = sumOf({at[axis]}, {Dim(1)}, Dim(0) - *before, inner.dims[axis]);
  return filled(op, coordinates, at, axis, op.getValue().convertToDouble());
}

ExpressionPtr Puller::windowed(ir::WindowOp op, const Coordinates& coordinates) {
  Shape inner = ir::shapeOf(op.getX());
  int64_t axis = ir::axisIn(inner, op.getAxis());
  Coordinates at(coordinates.begin(), coordinates.end() - 1);
  at[axis] = sumOf({at[axis], coordinates.back()},
                   {Dim(int64_t(op.getStride())), Dim(int64_t(op.getDilation()))},
                   Dim(-int64_t(op.getBefore())), inner.dims[axis]);
  if (op.getBefore() == 0 && op.getAfter() == 0) return pull(op.getX(), at);
  return filled(op, coordinates, at, axis, op.getValue().convertToDouble());
}

ExpressionPtr Puller::layout(Operation* op, const Coordinates& coordinates) {
  if (auto pad = dyn_cast<ir::PadOp>(op)) return padded(pad, coordinates);
  if (auto window = dyn_cast<ir::WindowOp>(op)) return windowed(window, coordinates);
  Value x = op->getOperand(0);
  Shape inner = ir::shapeOf(x);
  if (isa<ir::ReshapeOp>(op)) {
    auto at = domain_.reshape(coordinates, inner);
    if (!at) return give_up(op, coordinates, op->getResult(0));
    return pull(x, *at);
  }
  if (isa<ir::BroadcastOp>(op)) return pull(x, broadcastCoordinates(coordinates, inner));
  Coordinates at = coordinates;
  if (auto permute = dyn_cast<ir::PermuteOp>(op)) {
    for (auto [axis, from] : llvm::enumerate(permute.getPermutation()))
      at[from] = coordinates[axis];
  } else if (auto slice = dyn_cast<ir::SliceOp>(op)) {
    int64_t axis = ir::axisIn(inner, slice.getAxis());
    Shape outer = ir::shapeOf(op->getResult(0));
    at[axis] = domain_.slice(at[axis], *parse_dim(std::string(slice.getBegin())), outer.dims[axis],
                             inner.dims[axis]);
  } else if (auto roll = dyn_cast<ir::RollOp>(op)) {
    int64_t axis = ir::axisIn(inner, roll.getAxis());
    at[axis] = domain_.rolled(at[axis], roll.getShift(), inner.dims[axis]);
  } else {
    return give_up(op, coordinates, op->getResult(0));  // concat: always has a buffer
  }
  return pull(x, at);
}

}  // namespace heed::fuse
