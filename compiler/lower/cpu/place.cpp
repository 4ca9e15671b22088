#include "heed/compiler/lower/cpu/place.h"

#include "heed/compiler/lower/cpu/storage.h"
#include "heed/compiler/lower/tile/functions.h"
#include "heed/compiler/lower/tile/lookup.h"
#include "heed/compiler/lower/tile/masks.h"
#include "heed/compiler/lower/tile/regions.h"

using namespace mlir;

namespace heed::cpu {

Place::Place(Emit& e, ValueRange buffers)
    : e(e), buffers(buffers), digits(e.kernel.digits.size()) {}

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
  if (members.empty()) return;  // an extent of 1 has no digit
  int inner = tile::innermost(e.kernel, role);
  if (inner < 0) inner = members.back();
  const Dim& run = e.kernel.digits[inner].extent;
  if (run == e.kernel.extentOf(role) || (run.is_static() && run.constant % e.lanes() == 0)) {
    digits[inner].lanes = lane_numbers;  // no lane carries into the digits above
    return;
  }
  Value rest = e.add(widened(e, index), lane_numbers);
  for (size_t n = members.size(); n-- > 0;) {
    Value extent = widened(e, e.dim(e.kernel.digits[members[n]].extent));
    digits[members[n]] = {{}, n ? e.remainder(rest, extent) : rest};
    if (n) rest = e.divide(rest, extent);
  }
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
  lanes = e.mul(lanes, widened(e, e.dim(stride)));
  form.lanes = form.lanes ? e.add(form.lanes, lanes) : lanes;
}

void Place::addRolled(const tile::Rolled& rolled, Form& form) {
  LaneIndex sum{shiftOf(e, rolled), {}};
  for (auto [digit, weight] : llvm::enumerate(rolled.weights)) {
    if (weight == Dim(0)) continue;
    auto [scalar, lanes] = digits[digit];
    if (scalar) sum.scalar = e.add(sum.scalar, e.mul(scalar, e.dim(weight)));
    if (lanes) lanes = e.mul(lanes, widened(e, e.dim(weight)));
    if (lanes) sum.lanes = sum.lanes ? e.add(sum.lanes, lanes) : lanes;
  }
  Value modulus = e.dim(rolled.modulus);
  if (sum.lanes)
    return addLanes(form, e.remainder(lanesOf(e, sum), widened(e, modulus)), rolled.stride);
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

Value Place::coordinate(AffineMap map) { return lanesOf(e, evaluate(e, map.getResult(0), digits)); }

Value Place::boundsMask(const tile::Access& access) {
  Value inside = withinBounds(e, access, digits);
  if (!inside) return mask;
  if (!isa<VectorType>(inside.getType())) inside = e.broadcast(inside);
  return mask ? arith::AndIOp::create(e.b, e.loc, mask, inside) : inside;
}

Value Place::inBounds(const tile::Access& access) {
  return access.fill ? withinBounds(e, access, digits) : Value();
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
      x = vector::GatherOp::create(e.b, e.loc, type, buffer, ValueRange{at.base},
                                   at.lanes ? at.lanes : zeros, valid, other);
  }
  return fromStorage(e, x, access.dtype);
}

void Place::store(int out, Value x) {
  const tile::Access& access = e.kernel.outs[out];
  Value buffer = buffers[e.kernel.ins.size() + out];
  Form at = form(access);
  x = toStorage(e, x, access.dtype);
  // uniform: one lane is valid
  if (at.pattern != Pattern::scattered) return e.store(x, buffer, at.base, mask);
  Value zeros = e.constantLike(e.iota(), 0);
  Value valid = mask ? mask : e.compare(arith::CmpIPredicate::eq, zeros, zeros);
  vector::ScatterOp::create(e.b, e.loc, Type(), buffer, ValueRange{at.base}, at.lanes, valid, x);
}

// Neighbouring lanes that look up neighbours read a run, all others are gathered. What is not live
// reads nothing.
Value Place::element(tile::Lookup lookup, Value live, Bad bad) {
  const tile::Access& access = e.kernel.ins[lookup.operand];
  const Dim& stride = access.layout.strides[lookup.axis];
  Value index = lookup.index, good = live;
  auto both = [&](Value x, Value y) -> Value {
    return x ? arith::AndIOp::create(e.b, e.loc, x, y) : y;
  };
  if (!tile::staysInside(e.kernel, lookup)) {
    Value extent = e.dim(tile::extentOf(e.kernel, lookup));
    Value inside = e.compare(arith::CmpIPredicate::ult, index, widened(e, extent));
    bad(both(live, arith::XOrIOp::create(e.b, e.loc, inside, e.constantLike(inside, 1))));
    good = both(live, inside);
  }
  Form at = form(access);
  const bool run = at.pattern == Pattern::uniform && stride == Dim(1) &&
                   tile::stepAlongKeys(e.kernel, lookup.op.getIndex()) == 1;
  Value x, buffer = buffers[lookup.operand];
  if (run) {
    Value first = vector::ExtractOp::create(e.b, e.loc, index, int64_t(0));
    at.base = e.add(at.base, arith::IndexCastOp::create(e.b, e.loc, e.index, first));
    x = e.load(buffer, at.base, good);
  } else {
    auto type = VectorType::get({e.lanes()}, cast<MemRefType>(buffer.getType()).getElementType());
    Value other = arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(type)),
          zeros = e.constantLike(index, 0);
    if (!good) good = e.equal(zeros, zeros);
    addLanes(at, index, stride);
    x = vector::GatherOp::create(e.b, e.loc, type, buffer, ValueRange{at.base}, at.lanes, good,
                                 other);
  }
  return fromStorage(e, x, access.dtype);
}

Values Place::region(Region& region, ValueRange leading, int captured, Value live, Bad bad) {
  auto loads = [&](int operand) { return load(operand); };
  auto coordinates = [&](AffineMap map) { return coordinate(map); };
  auto extents = [&](const Dim& dim) { return widened(e, e.dim(dim)); };
  auto maths = [&](tile::Function f, ValueRange x) { return function(e, f, x); };
  auto lookups = [&](tile::Lookup lookup) { return element(lookup, live, bad); };
  auto results = tile::emitRegion(region, leading, captured,
                                  {e.b, e.lanes(), loads, coordinates, extents, maths, lookups});
  return succeeded(results) ? *results
                            : Values(region.front().getTerminator()->getNumOperands());
}

}  // namespace heed::cpu
