#include "heed/compiler/lower/tile/online_softmax.h"

#include <cmath>

#include "heed/compiler/lower/tile/functions.h"
#include "heed/compiler/lower/tile/regions.h"

using namespace mlir;

namespace heed::tile {

constexpr double least_exponent = 1e-6;  // dead scores stay dead when multiplied by it

bool OnlineSoftmax::edits(ir::AttentionOp op) {
  return !isIdentity(op.getScore()) || op.getScale().convertToDouble() < least_exponent;
}

OnlineSoftmax::OnlineSoftmax(Emitter& e, ir::AttentionOp op)
    : e(e), op(op), exponent((edits(op) ? 1 : op.getScale().convertToDouble()) * M_LOG2E) {}

Value OnlineSoftmax::score(Value x, bool masked, Value valid, Regions regions) {
  Value dead_score = e.constantLike(x, dead);
  Value live = masked ? regions(op.getMask(), {}, valid) : Value();
  if (masked && !live) return {};
  if (live && valid) live = arith::AndIOp::create(e.b, e.loc, live, valid);
  if (!live) live = valid;
  if (edits(op)) {
    double scale = op.getScale().convertToDouble();
    if (scale != 1) x = e.mul(x, e.constantLike(x, scale));
    x = regions(op.getScore(), x, live);
    if (x) x = e.max(dead_score, x);  // a region's -inf
  }
  return x && live ? e.select(live, x, dead_score) : x;
}

Value OnlineSoftmax::largest(Value score) {
  return e.max(e.constantLike(score, lowest), e.mul(score, e.constantLike(score, exponent)));
}
Value OnlineSoftmax::shrink(Value before, Value now) { return exp2Softmax(e, e.sub(before, now)); }
Value OnlineSoftmax::weight(Value score, Value minus_largest) {
  return exp2Weight(e, e.fma(score, e.constantLike(score, exponent), minus_largest));
}
Value OnlineSoftmax::inverse(Value total) {
  Value zero = e.constantLike(total, 0), inverse = e.div(e.constantLike(total, 1), total);
  return e.select(e.compare(arith::CmpFPredicate::OEQ, total, zero), zero, inverse);
}

}  // namespace heed::tile
