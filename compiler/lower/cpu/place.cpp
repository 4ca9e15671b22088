#include "heed/compiler/lower/cpu/place.h"

#include "heed/compiler/lower/cpu/storage.h"
#include "heed/compiler/lower/cpu/vector_math.h"
#include "heed/compiler/lower/tile/regions.h"

using namespace mlir;

namespace heed::cpu {

Place::Place(Emit& e, ValueRange buffers) : e(e), buffers(buffers), digits(e.kernel.digits.size()) {}

// ---- digits ----

void Place::set(char role, Value index) {
  linear.push_back({role, index});
  auto members = e.kernel.withRole(role);
  for (size_t n = members.size(); n-- > 0;) {
    const Dim& extent = e.kernel.digits[members[n]].extent;
    digits[members[n]].scalar = n ? e.remainder(index, e.dim(extent)) : index;
    if (n) index = e.divide(index, e.dim(extent));
  }
}

void Place::setLanes(char role, Value index, Value valid) {
  set(role, index);
  lane_role = role;
  lane_numbers = e.iota();
  mask = valid;
  auto members = e.kernel.withRole(role);
  int inner = tile::innermost(e.kernel, role);
  if (inner < 0) inner = members.back();
  const Dim& run = e.kernel.digits[inner].extent;
  if (run == e.kernel.extentOf(role) || (run.is_static() && run.constant % e.lanes() == 0)) {
    digits[inner].lanes = lane_numbers;  // no lane carries into the digits above
    return;
  }
  Value rest = e.add(widened(index), lane_numbers);
  for (size_t n = members.size(); n-- > 0;) {
    Value extent = widened(e.dim(e.kernel.digits[members[n]].extent));
    digits[members[n]] = {{}, n ? e.remainder(rest, extent) : rest};
    if (n) rest = e.divide(rest, extent);
  }
}

Value Place::widened(Value x) { return e.broadcast(arith::IndexCastOp::create(e.b, e.loc, e.i32, x)); }

Value Place::lanesOf(Mixed x) {
  if (!x.lanes) return widened(x.scalar);
  return x.scalar ? e.add(x.lanes, widened(x.scalar)) : x.lanes;
}

// ---- addresses ----

void Place::addDigits(const tile::Access& access, char role, Form& form) {
  for (int digit : e.kernel.withRole(role)) {
    const Dim& stride = access.strides[digit];
    if (stride == Dim(0)) continue;
    auto [scalar, lanes] = digits[digit];
    if (scalar) form.base = e.add(form.base, e.mul(scalar, e.dim(stride)));
    if (lanes) addLanes(form, lanes, stride);
  }
}

void Place::addLanes(Form& form, Value lanes, const Dim& stride) {
  bool unit = stride == Dim(1) && form.pattern == Pattern::uniform && lanes == lane_numbers;
  form.pattern = unit ? Pattern::unit : Pattern::scattered;
  lanes = e.mul(lanes, widened(e.dim(stride)));
  form.lanes = form.lanes ? e.add(form.lanes, lanes) : lanes;
}

void Place::addRolled(const tile::Rolled& rolled, Form& form) {
  Mixed sum{e.dim(rolled.shift), {}};
  // A roll by -s is one by modulus - s: nothing below 0 to divide.
  if (!rolled.shift.is_static() || rolled.shift.constant < 0) sum.scalar = e.add(sum.scalar, e.dim(rolled.modulus));
  for (auto [digit, weight] : llvm::enumerate(rolled.weights)) {
    if (weight == Dim(0)) continue;
    auto [scalar, lanes] = digits[digit];
    if (scalar) sum.scalar = e.add(sum.scalar, e.mul(scalar, e.dim(weight)));
    if (lanes) lanes = e.mul(lanes, widened(e.dim(weight)));
    if (lanes) sum.lanes = sum.lanes ? e.add(sum.lanes, lanes) : lanes;
  }
  Value modulus = e.dim(rolled.modulus);
  if (sum.lanes) return addLanes(form, e.remainder(lanesOf(sum), widened(modulus)), rolled.stride);
  form.base = e.add(form.base, e.mul(e.remainder(sum.scalar, modulus), e.dim(rolled.stride)));
}

Place::Form Place::form(const tile::Access& access) {
  Form form{e.dim(access.offset), Pattern::uniform, {}};
  for (auto [role, at] : linear) {
    std::optional<Dim> stride = tile::strideAlong(e.kernel, access, role);
    if (!stride) {
      addDigits(access, role, form);
    } else if (!(*stride == Dim(0))) {
      form.base = e.add(form.base, e.mul(at, e.dim(*stride)));
      if (role == lane_role) addLanes(form, lane_numbers, *stride);
    }
  }
  for (const tile::Rolled& rolled : access.rolled) addRolled(rolled, form);
  return form;
}

Value Place::address(const tile::Access& access) { return form(access).base; }

// ---- coordinates and bounds ----

Place::Mixed Place::combine(AffineExprKind kind, Mixed x, Mixed y) {
  auto plus = [&](Value a, Value c) { return a && c ? e.add(a, c) : a ? a : c; };
  if (kind == AffineExprKind::Add) return {plus(x.scalar, y.scalar), plus(x.lanes, y.lanes)};
  bool lanes = x.lanes || y.lanes;
  Value a = lanes ? lanesOf(x) : x.scalar, c = lanes ? lanesOf(y) : y.scalar, result;
  switch (kind) {
    case AffineExprKind::Mul: result = e.mul(a, c); break;
    case AffineExprKind::Mod: result = e.remainder(a, c); break;
    default: result = e.divide(a, c); break;
  }
  return lanes ? Mixed{{}, result} : Mixed{result, {}};
}

Place::Mixed Place::evaluate(AffineExpr expression) {
  if (auto c = dyn_cast<AffineConstantExpr>(expression)) return {e.constant(c.getValue()), {}};
  if (auto s = dyn_cast<AffineSymbolExpr>(expression))
    return {e.dim(*parse_dim(e.kernel.symbols[s.getPosition()])), {}};
  if (auto d = dyn_cast<AffineDimExpr>(expression)) {
    Mixed digit = digits[d.getPosition()];
    return digit.scalar || digit.lanes ? digit : Mixed{e.constant(0), {}};
  }
  auto binary = cast<AffineBinaryOpExpr>(expression);
  return combine(expression.getKind(), evaluate(binary.getLHS()), evaluate(binary.getRHS()));
}

Value Place::coordinate(AffineMap map) { return lanesOf(evaluate(map.getResult(0))); }

Value Place::boundsMask(const tile::Access& access) {
  Value inside = mask;
  auto both = [&](Value condition) {
    if (!isa<VectorType>(condition.getType())) condition = e.broadcast(condition);
    inside = inside ? arith::AndIOp::create(e.b, e.loc, inside, condition) : condition;
  };
  // One unsigned comparison answers for both ends.
  for (auto [axis, expression] : llvm::enumerate(access.map.getResults())) {
    Mixed x = evaluate(expression);
    Value extent = e.dim(access.shape.dims[axis]);
    if (x.lanes) both(e.compare(arith::CmpIPredicate::ult, lanesOf(x), widened(extent)));
    else both(e.compare(arith::CmpIPredicate::ult, x.scalar, extent));
  }
  return inside;
}

Value Place::inBounds(const tile::Access& access) {
  if (!access.fill) return {};
  Value inside;
  for (auto [axis, expression] : llvm::enumerate(access.map.getResults())) {
    Value extent = e.dim(access.shape.dims[axis]);
    Value x = e.compare(arith::CmpIPredicate::ult, evaluate(expression).scalar, extent);
    inside = inside ? arith::AndIOp::create(e.b, e.loc, inside, x) : x;
  }
  return inside;
}

// ---- loads, stores, regions ----

Value Place::load(int operand) {
  const tile::Access& access = e.kernel.ins[operand];
  Value buffer = buffers[operand];
  Form at = form(access);
  bool filled = access.fill.has_value();
  Value valid = filled ? boundsMask(access) : mask, x;
  if (at.pattern == Pattern::uniform && !filled) {
    x = e.loadBroadcast(buffer, at.base);
  } else if (at.pattern == Pattern::unit && !filled) {
    x = e.load(buffer, at.base, valid);
  } else {
    auto type = VectorType::get({e.lanes()}, cast<MemRefType>(buffer.getType()).getElementType());
    Value other = arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(type));
    if (filled) other = e.constantLike(other, *access.fill);
    Value zeros = e.constantLike(e.iota(), 0);
    if (!valid) valid = e.compare(arith::CmpIPredicate::eq, zeros, zeros);
    if (at.pattern == Pattern::unit)
      x = vector::MaskedLoadOp::create(e.b, e.loc, type, buffer, ValueRange{at.base}, valid, other);
    else
      x = vector::GatherOp::create(e.b, e.loc, type, buffer, ValueRange{at.base}, at.lanes ? at.lanes : zeros, valid,
                                   other);
  }
  return fromStorage(e, x, access.dtype);
}

void Place::store(int out, Value x) {
  const tile::Access& access = e.kernel.outs[out];
  Value buffer = buffers[e.kernel.ins.size() + out];
  Form at = form(access);
  x = toStorage(e, x, access.dtype);
  if (at.pattern != Pattern::scattered) return e.store(x, buffer, at.base, mask);  // uniform: one lane is valid
  Value zeros = e.constantLike(e.iota(), 0);
  Value valid = mask ? mask : e.compare(arith::CmpIPredicate::eq, zeros, zeros);
  vector::ScatterOp::create(e.b, e.loc, Type(), buffer, ValueRange{at.base}, at.lanes, valid, x);
}

Value Place::region(Region& region, Value leading, int captured) {
  auto loads = [&](int operand) { return load(operand); };
  auto coordinates = [&](AffineMap map) { return coordinate(map); };
  auto extents = [&](const Dim& dim) { return widened(e.dim(dim)); };
  auto maths = [&](tile::Function f, ValueRange x) { return function(e, f, x); };
  auto results = tile::emitRegion(region, leading, captured, {e.b, e.lanes(), loads, coordinates, extents, maths});
  return succeeded(results) ? results->front() : Value();
}

}  // namespace heed::cpu
