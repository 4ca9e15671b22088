#include "heed/compiler/lower/gpu/point.h"

#include "heed/compiler/lower/tile/access.h"
#include "heed/compiler/lower/tile/functions.h"
#include "heed/compiler/lower/tile/lookup.h"
#include "heed/compiler/lower/tile/regions.h"

using namespace mlir;

namespace heed::gpu {

// ---- digits ----

void Point::set(char role, Value number) {
  numbers.push_back({role, number});
  auto members = e.kernel.withRole(role);
  for (size_t n = members.size(); n-- > 0;) {
    const Dim& extent = e.kernel.digits[members[n]].extent;
    digits[members[n]] = n ? e.remainder(number, e.dim(extent)) : number;
    if (n) number = e.divide(number, e.dim(extent));
  }
}

void Point::setAll(StringRef roles, Value number) {
  for (size_t n = roles.size(); n-- > 0;) {
    Value extent = e.dim(e.kernel.extentOf(roles[n]));
    set(roles[n], n ? e.remainder(number, extent) : number);
    if (n) number = e.divide(number, extent);
  }
}

// ---- addresses ----

// What a loop does not change comes first, so that it can leave the loop.
Value Point::address(const tile::Access& access) {
  Value sum = e.dim(access.offset);
  for (auto [role, number] : numbers) {
    if (auto stride = tile::strideAlong(e.kernel, access, role)) {
      if (!(*stride == Dim(0))) sum = e.add(sum, e.mul(number, e.dim(*stride)));
      continue;
    }
    for (int n : e.kernel.withRole(role))
      if (!(access.strides[n] == Dim(0)))
        sum = e.add(sum, e.mul(digits[n], e.dim(access.strides[n])));
  }
  for (const tile::Rolled& rolled : access.rolled) {
    Value group = e.dim(rolled.shift), modulus = e.dim(rolled.modulus);
    for (auto [n, weight] : llvm::enumerate(rolled.weights))
      if (!(weight == Dim(0)) && digits[n]) group = e.add(group, e.mul(digits[n], e.dim(weight)));
    const bool natural = rolled.shift.is_static() && rolled.shift.constant >= 0;
    Value place = natural ? e.remainder(group, modulus) : e.floorRemainder(group, modulus);
    sum = e.add(sum, e.mul(place, e.dim(rolled.stride)));
  }
  return sum;
}

Value Point::coordinate(AffineExpr expression) {
  if (auto c = dyn_cast<AffineConstantExpr>(expression)) return e.constant(c.getValue());
  if (auto s = dyn_cast<AffineSymbolExpr>(expression))
    return e.dim(*parse_dim(e.kernel.symbols[s.getPosition()]));
  if (auto d = dyn_cast<AffineDimExpr>(expression)) return digit(int(d.getPosition()));
  auto binary = cast<AffineBinaryOpExpr>(expression);
  Value x = coordinate(binary.getLHS()), y = coordinate(binary.getRHS());
  switch (expression.getKind()) {
    case AffineExprKind::Add: return e.add(x, y);
    case AffineExprKind::Mul: return e.mul(x, y);
    case AffineExprKind::Mod: return e.floorRemainder(x, y);
    default: return e.divide(x, y);
  }
}

// One unsigned comparison answers for both ends.
Value Point::within(const tile::Access& access) {
  Value all;
  for (auto [axis, expression] : llvm::enumerate(access.map.getResults())) {
    const Dim& extent = access.shape.dims[axis];
    if (tile::staysInside(e.kernel, expression, extent)) continue;
    Value inside = e.compare(arith::CmpIPredicate::ult, coordinate(expression), e.dim(extent));
    all = all ? Value(arith::AndIOp::create(e.b, e.loc, all, inside)) : inside;
  }
  return all;
}

// ---- loads, stores, regions ----

Value Point::fromStorage(Value buffer, Value at, DType dtype) {
  // its low half: region values are i32
  if (dtype == DType::i64) return e.load(buffer, e.mul(at, 2));
  return fromStored(e.load(buffer, at), dtype);
}

Value Point::fromStored(Value x, DType dtype) {
  switch (dtype) {
    case DType::f16:
    case DType::bf16: return e.widened(x, dtype);
    case DType::i8: return arith::ExtSIOp::create(e.b, e.loc, e.i32, x);
    case DType::boolean: return e.compare(arith::CmpIPredicate::ne, x, e.constantLike(x, 0));
    default: return x;
  }
}

// The value of ins[1]; whether it is in [0, limit), without which the run fails.
Value Point::indexBelow(Value limit, Value& valid) {
  const tile::Access& indices = e.kernel.ins[1];
  Value index = e.toIndex(load(1));
  valid = e.compare(arith::CmpIPredicate::ult, index, limit);
  if (indices.dtype == DType::i64) {
    Value high = e.load(e.buffer(1), e.add(e.mul(address(indices), 2), 1));
    valid = arith::AndIOp::create(e.b, e.loc, valid, e.equal(high, e.constantLike(high, 0)));
  }
  e.fail(arith::XOrIOp::create(e.b, e.loc, valid, e.constantLike(valid, 1)));
  return index;
}

Value Point::load(int operand) {
  const tile::Access& access = e.kernel.ins[operand];
  Value at = address(access), valid;
  bool gathers = operand == 0 && e.kernel.op->hasAttr("gather");
  if (gathers) {
    Value row = indexBelow(e.dim(access.shape.dims[0]), valid);
    at = e.add(at, e.mul(row, e.dim(access.layout.strides[0])));
  } else if (access.fill) {
    valid = within(access);
  }
  if (valid) at = e.select(valid, at, e.constant(0));
  Value x = fromStorage(e.buffer(operand), at, access.dtype);
  return valid && !gathers ? e.select(valid, x, e.constantLike(x, *access.fill)) : x;
}

Values Point::loads(int operand) {
  if (e.readsTogether(operand) == 1) return {load(operand)};
  const tile::Access& access = e.kernel.ins[operand];
  Value at = address(access), valid = access.fill ? within(access) : Value();
  Values found = e.loadTogether(operand, valid ? e.select(valid, at, e.constant(0)) : at);
  if (valid)
    for (Value& x : found) x = e.select(valid, x, e.constantLike(x, *access.fill));
  return found;
}

void Point::store(int out, Value x) {
  const tile::Access& access = e.kernel.outs[out];
  auto rows = e.kernel.op->getAttrOfType<StringAttr>("append");
  if (!rows) return storeAt(out, address(access), x);
  Value places = e.dim(access.shape.dims[2] - *parse_dim(rows.getValue()) + Dim(1)), valid;
  Value first = indexBelow(e.max(places, e.constant(0)), valid);
  e.when(valid, [&] {
    storeAt(out, e.add(address(access), e.mul(first, e.dim(access.layout.strides[2]))), x);
  });
}

void Point::storeAt(int out, Value at, Value x) {
  const tile::Access& access = e.kernel.outs[out];
  Value buffer = e.buffer(e.kernel.ins.size() + out);
  switch (access.dtype) {
    case DType::f16: x = arith::TruncFOp::create(e.b, e.loc, e.b.getF16Type(), x); break;
    case DType::bf16: {  // to nearest even
      Value bits = arith::BitcastOp::create(e.b, e.loc, e.i32, x);
      auto shift = [&](Value v) -> Value {
        return arith::ShRUIOp::create(e.b, e.loc, v, e.constantLike(v, half_bits));
      };
      Value odd = arith::AndIOp::create(e.b, e.loc, shift(bits), e.constantLike(bits, 1));
      Value rounded = shift(e.add(bits, e.add(odd, e.constantLike(odd, 0x7fff))));
      Value nan = e.compare(arith::CmpFPredicate::UNO, x, x);
      rounded = e.select(nan, e.constantLike(rounded, 0x7fc0), rounded);
      x = arith::TruncIOp::create(e.b, e.loc, e.b.getI16Type(), rounded);
      break;
    }
    case DType::i8: x = arith::TruncIOp::create(e.b, e.loc, e.b.getI8Type(), x); break;
    case DType::boolean: x = arith::ExtUIOp::create(e.b, e.loc, e.b.getI8Type(), x); break;
    case DType::i64: {
      at = e.mul(at, 2);
      Value sign = arith::ShRSIOp::create(e.b, e.loc, x, e.constantLike(x, 31));
      e.store(sign, buffer, e.add(at, 1));
      break;
    }
    default: break;
  }
  e.store(x, buffer, at);
}

Value Point::element(tile::Lookup lookup, Value live) {
  const tile::Access& access = e.kernel.ins[lookup.operand];
  Value stride = e.dim(access.layout.strides[lookup.axis]);
  Value at = e.add(address(access), e.mul(e.toIndex(lookup.index), stride));
  if (!tile::staysInside(e.kernel, lookup)) {
    Value extent = e.dim(tile::extentOf(e.kernel, lookup));
    Value inside = e.compare(arith::CmpIPredicate::ult, lookup.index, e.toInt(extent));
    Value outside = arith::XOrIOp::create(e.b, e.loc, inside, e.constantLike(inside, 1));
    e.fail(live ? Value(arith::AndIOp::create(e.b, e.loc, live, outside)) : outside);
    at = e.select(inside, at, e.constant(0));
  }
  return fromStorage(e.buffer(lookup.operand), at, access.dtype);
}

Values Point::region(Region& region, Value leading, int captured, Value live) {
  auto loads = [&](int operand) { return load(operand); };
  auto coordinates = [&](AffineMap map) { return e.toInt(coordinate(map.getResult(0))); };
  auto extents = [&](const Dim& dim) { return e.toInt(e.dim(dim)); };
  auto maths = [&](tile::Function f, ValueRange x) { return tile::function(e, f, x); };
  auto lookups = [&](tile::Lookup lookup) { return element(lookup, live); };
  auto results = tile::emitRegion(region, leading, captured,
                                  {e.b, 0, loads, coordinates, extents, maths, lookups});
  if (succeeded(results)) return *results;
  e.ok = false;
  return Values(region.front().getTerminator()->getNumOperands(),
                e.constantLike(leading ? leading : e.constant(0), 0));
}

}  // namespace heed::gpu
