#include "heed/compiler/lower/cpu/index_lanes.h"

#include "heed/compiler/lower/tile/access.h"

using namespace mlir;

namespace heed::cpu {

Value widened(Emit& e, Value index) {
  return e.broadcast(arith::IndexCastOp::create(e.b, e.loc, e.i32, index));
}

Value lanesOf(Emit& e, const LaneIndex& x) {
  if (!x.lanes) return widened(e, x.scalar);
  return x.scalar ? e.add(x.lanes, widened(e, x.scalar)) : x.lanes;
}

Value shiftOf(Emit& e, const tile::Rolled& rolled) {
  if (rolled.shift == Dim(0)) return e.constant(0);
  if (rolled.shift.is_static() && rolled.modulus.is_static()) {
    int64_t rest = rolled.shift.constant % rolled.modulus.constant;
    return e.constant(rest < 0 ? rest + rolled.modulus.constant : rest);
  }
  Value modulus = e.dim(rolled.modulus);
  Value rest = arith::RemSIOp::create(e.b, e.loc, e.dim(rolled.shift), modulus);
  return e.select(e.below(rest, e.constant(0)), e.add(rest, modulus), rest);
}

static LaneIndex combine(Emit& e, AffineExprKind kind, const LaneIndex& x, const LaneIndex& y) {
  auto plus = [&](Value a, Value b) { return a && b ? e.add(a, b) : a ? a : b; };
  if (kind == AffineExprKind::Add) return {plus(x.scalar, y.scalar), plus(x.lanes, y.lanes)};
  const bool lanes = x.lanes || y.lanes;
  Value a = lanes ? lanesOf(e, x) : x.scalar, b = lanes ? lanesOf(e, y) : y.scalar, result;
  switch (kind) {
    case AffineExprKind::Mul: result = e.mul(a, b); break;
    case AffineExprKind::Mod: result = e.floorRemainder(a, b); break;
    default: result = e.divide(a, b); break;
  }
  return lanes ? LaneIndex{{}, result} : LaneIndex{result, {}};
}

LaneIndex evaluate(Emit& e, AffineExpr expression, llvm::ArrayRef<LaneIndex> digits) {
  if (auto c = dyn_cast<AffineConstantExpr>(expression)) return {e.constant(c.getValue()), {}};
  if (auto s = dyn_cast<AffineSymbolExpr>(expression))
    return {e.dim(*parse_dim(e.kernel.symbols[s.getPosition()])), {}};
  if (auto d = dyn_cast<AffineDimExpr>(expression)) {
    const LaneIndex& digit = digits[d.getPosition()];
    return digit.scalar || digit.lanes ? digit : LaneIndex{e.constant(0), {}};
  }
  auto binary = cast<AffineBinaryOpExpr>(expression);
  return combine(e, expression.getKind(), evaluate(e, binary.getLHS(), digits),
                 evaluate(e, binary.getRHS(), digits));
}

Value withinBounds(Emit& e, const tile::Access& access, llvm::ArrayRef<LaneIndex> digits) {
  Value scalar, lanes;
  auto both = [&](Value& all, Value one) {
    all = all ? arith::AndIOp::create(e.b, e.loc, all, one) : one;
  };
  // One unsigned comparison answers for both ends.
  for (auto [axis, expression] : llvm::enumerate(access.map.getResults())) {
    if (tile::staysInside(e.kernel, expression, access.shape.dims[axis])) continue;
    LaneIndex x = evaluate(e, expression, digits);
    Value extent = e.dim(access.shape.dims[axis]);
    if (x.lanes)
      both(lanes, e.compare(arith::CmpIPredicate::ult, lanesOf(e, x), widened(e, extent)));
    else both(scalar, e.compare(arith::CmpIPredicate::ult, x.scalar, extent));
  }
  if (!lanes) return scalar;
  if (scalar) both(lanes, e.broadcast(scalar));
  return lanes;
}

}  // namespace heed::cpu
