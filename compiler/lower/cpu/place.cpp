#include "heed/compiler/lower/cpu/place.h"

#include "heed/compiler/lower/cpu/vector_math.h"
#include "heed/compiler/lower/tile/regions.h"

using namespace mlir;

namespace heed::cpu {

Place::Place(Emit& e, ValueRange buffers)
    : e(e), buffers(buffers), digits(e.kernel.digits.size()), laneDigits(e.kernel.digits.size()) {}

// ---- digits ----

void Place::set(char role, Value index) {
  linear.push_back({role, index});
  auto members = e.kernel.withRole(role);
  for (size_t n = members.size(); n-- > 0;) {
    const Dim& extent = e.kernel.digits[members[n]].extent;
    digits[members[n]] = n ? e.remainder(index, e.dim(extent)) : index;
    if (n) index = e.divide(index, e.dim(extent));
  }
}

void Place::setLanes(char role, Value index, Value valid) {
  set(role, index);
  lane_role = role;
  mask = valid;
  auto members = e.kernel.withRole(role);
  Value rest = e.add(widened(index), e.iota());
  for (size_t n = members.size(); n-- > 0;) {
    Value extent = widened(e.dim(e.kernel.digits[members[n]].extent));
    laneDigits[members[n]] = n ? e.remainder(rest, extent) : rest;
    if (n) rest = e.divide(rest, extent);
  }
}

Value Place::widened(Value x) { return e.broadcast(arith::IndexCastOp::create(e.b, e.loc, e.i32, x)); }

// ---- addresses ----

void Place::addLaneRole(const tile::Access& access, Form& form) {
  std::optional<Dim> stride = tile::strideAlong(e.kernel, access, lane_role);
  Value at = llvm::find_if(linear, [&](auto& entry) { return entry.first == lane_role; })->second;
  auto members = e.kernel.withRole(lane_role);
  if (stride) {
    form.base = e.add(form.base, e.mul(at, e.dim(*stride)));
  } else if (tile::alignedRuns(e.kernel, access, lane_role, e.lanes())) {
    for (int digit : members) form.base = e.add(form.base, e.mul(digits[digit], e.dim(access.strides[digit])));
    stride = access.strides[tile::innermost(e.kernel, lane_role)];
  } else {
    form.pattern = Pattern::scattered;
    for (int digit : members) {
      if (access.strides[digit] == Dim(0)) continue;
      Value part = e.mul(laneDigits[digit], widened(e.dim(access.strides[digit])));
      form.lanes = form.lanes ? e.add(form.lanes, part) : part;
    }
    if (!form.lanes) form.lanes = e.constantLike(e.iota(), 0);
    return;
  }
  if (*stride == Dim(0)) return;
  form.pattern = *stride == Dim(1) ? Pattern::unit : Pattern::scattered;
  form.lanes = e.mul(e.iota(), widened(e.dim(*stride)));
}

void Place::addRolled(const tile::Rolled& rolled, Form& form) {
  Value scalar = e.dim(rolled.shift), lanes;
  // A roll by -s is one by modulus - s: nothing below 0 to divide.
  if (!rolled.shift.is_static() || rolled.shift.constant < 0) scalar = e.add(scalar, e.dim(rolled.modulus));
  for (auto [digit, weight] : llvm::enumerate(rolled.weights)) {
    if (weight == Dim(0) || !digits[digit]) continue;
    if (onLanes(digit)) {
      Value part = e.mul(laneDigits[digit], widened(e.dim(weight)));
      lanes = lanes ? e.add(lanes, part) : part;
    } else {
      scalar = e.add(scalar, e.mul(digits[digit], e.dim(weight)));
    }
  }
  Value modulus = e.dim(rolled.modulus), stride = e.dim(rolled.stride);
  if (!lanes) {
    form.base = e.add(form.base, e.mul(e.remainder(scalar, modulus), stride));
    return;
  }
  lanes = e.mul(e.remainder(e.add(lanes, widened(scalar)), widened(modulus)), widened(stride));
  form.lanes = form.lanes ? e.add(form.lanes, lanes) : lanes;
  form.pattern = Pattern::scattered;
}

Place::Form Place::form(const tile::Access& access) {
  Form form{e.dim(access.offset), Pattern::uniform, {}};
  for (auto [role, at] : linear) {
    if (role == lane_role) continue;
    if (auto stride = tile::strideAlong(e.kernel, access, role)) {
      if (!(*stride == Dim(0))) form.base = e.add(form.base, e.mul(at, e.dim(*stride)));
      continue;
    }
    for (int digit : e.kernel.withRole(role))
      if (!(access.strides[digit] == Dim(0)))
        form.base = e.add(form.base, e.mul(digits[digit], e.dim(access.strides[digit])));
  }
  if (lane_role) addLaneRole(access, form);
  for (const tile::Rolled& rolled : access.rolled) addRolled(rolled, form);
  return form;
}

Value Place::address(const tile::Access& access) { return form(access).base; }

// ---- coordinates and bounds ----

Place::Mixed Place::combine(AffineExprKind kind, Mixed x, Mixed y) {
  auto lanesOf = [&](Mixed v) {
    if (!v.lanes) return widened(v.scalar);
    return v.scalar ? e.add(v.lanes, widened(v.scalar)) : v.lanes;
  };
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
    int digit = d.getPosition();
    if (!digits[digit]) return {e.constant(0), {}};
    if (!onLanes(digit)) return {digits[digit], {}};
    bool alone = e.kernel.withRole(lane_role).size() == 1;  // the index itself, which needs no division
    return alone ? Mixed{digits[digit], e.iota()} : Mixed{{}, laneDigits[digit]};
  }
  auto binary = cast<AffineBinaryOpExpr>(expression);
  return combine(expression.getKind(), evaluate(binary.getLHS()), evaluate(binary.getRHS()));
}

Value Place::coordinate(AffineMap map) {
  Mixed x = evaluate(map.getResult(0));
  if (!x.lanes) return widened(x.scalar);
  return x.scalar ? e.add(x.lanes, widened(x.scalar)) : x.lanes;
}

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
    if (!x.lanes) both(e.compare(arith::CmpIPredicate::ult, x.scalar, extent));
    else if (!x.scalar) both(e.compare(arith::CmpIPredicate::ult, x.lanes, widened(extent)));
    else both(e.compare(arith::CmpIPredicate::ult, e.add(x.lanes, widened(x.scalar)), widened(extent)));
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

Value Place::fromStorage(Value x, DType dtype) {
  auto typed = [&](Type element) { return VectorType::get({e.lanes()}, element); };
  switch (dtype) {
    case DType::f32:
    case DType::i32: return x;
    case DType::f16:
    case DType::bf16: return arith::ExtFOp::create(e.b, e.loc, e.vector, x);
    case DType::i8: return arith::ExtSIOp::create(e.b, e.loc, typed(e.i32), x);
    case DType::i64: return arith::TruncIOp::create(e.b, e.loc, typed(e.i32), x);
    case DType::boolean: return e.compare(arith::CmpIPredicate::ne, x, e.constantLike(x, 0));
  }
  return x;
}

Value Place::toStorage(Value x, DType dtype) {
  auto typed = [&](Type element) { return VectorType::get({e.lanes()}, element); };
  switch (dtype) {
    case DType::f32:
    case DType::i32: return x;
    case DType::f16: return arith::TruncFOp::create(e.b, e.loc, typed(e.b.getF16Type()), x);
    case DType::bf16: return arith::TruncFOp::create(e.b, e.loc, typed(e.b.getBF16Type()), x);
    case DType::i8: return arith::TruncIOp::create(e.b, e.loc, typed(e.b.getI8Type()), x);
    case DType::i64: return arith::ExtSIOp::create(e.b, e.loc, typed(e.b.getI64Type()), x);
    case DType::boolean: return arith::ExtUIOp::create(e.b, e.loc, typed(e.b.getI8Type()), x);
  }
  return x;
}

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
  return fromStorage(x, access.dtype);
}

void Place::store(int out, Value x) {
  const tile::Access& access = e.kernel.outs[out];
  Value buffer = buffers[e.kernel.ins.size() + out];
  Form at = form(access);
  x = toStorage(x, access.dtype);
  if (at.pattern != Pattern::scattered) return e.store(x, buffer, at.base, mask);  // uniform: one lane is valid
  Value zeros = e.constantLike(e.iota(), 0);
  Value valid = mask ? mask : e.compare(arith::CmpIPredicate::eq, zeros, zeros);
  vector::ScatterOp::create(e.b, e.loc, Type(), buffer, ValueRange{at.base}, at.lanes, valid, x);
}

Value Place::region(Region& region, Value leading, int captured) {
  tile::RegionTarget target{e.b, e.lanes(), [&](int operand) { return load(operand); },
                            [&](AffineMap map) { return coordinate(map); },
                            [&](const Dim& dim) { return widened(e.dim(dim)); },
                            [&](tile::Function f, ValueRange x) { return function(e, f, x); }};
  auto results = tile::emitRegion(region, leading, captured, target);
  return succeeded(results) ? results->front() : Value();
}

}  // namespace heed::cpu
