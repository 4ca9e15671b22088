// For each query (b, i):
//   s[j] = score(scale · Σ_e q[b,i,e] k[b,j,e]), where mask(b, i, j), and -inf elsewhere
//   p[j] = exp(s[j] - max s) / Σ exp(s[j] - max s), zeros where no key is live
//   outs[0][b,i,d] = epilogue(Σ_j p[j] v[b,j,d]),  outs[1][b,i,j] = p[j]
#include <limits>

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include "heed/compiler/lower/reference/kinds.h"

using namespace mlir;

namespace heed::reference {
namespace {

constexpr double dead_score = -std::numeric_limits<double>::infinity();

Value score(Writer& w, ir::AttentionOp op) {
  Value product = w.over('e', ValueRange{w.f64(0)}, [&](ValueRange sum) {
    return Values{w.emit<arith::AddFOp>(sum[0], w.emit<arith::MulFOp>(w.read(0), w.read(1)))};
  })[0];
  Value scale = w.f64(op.getScale().convertToDouble());
  return w.region(op.getScore(), w.emit<arith::MulFOp>(scale, product),
                  tile::attention_captured)[0];
}

Value maskedScore(Writer& w, ir::AttentionOp op) {
  if (op.getMask().empty()) return score(w, op);
  Value live = w.region(op.getMask(), {}, tile::attention_captured)[0];
  return w.choose(
      live, w.b.getF64Type(), [&] { return Values{score(w, op)}; },
      [&] { return Values{w.f64(dead_score)}; })[0];
}

// Leaves p in the scratch memory.
void weights(Writer& w, ir::AttentionOp op) {
  Value max = w.over('j', ValueRange{w.f64(dead_score)}, [&](ValueRange max) {
    Value s = maskedScore(w, op);
    w.setScratch(w.number('j'), s);
    return Values{w.emit<arith::MaximumFOp>(max[0], s)};
  })[0];
  Value dead = w.emit<arith::CmpFOp>(arith::CmpFPredicate::OEQ, max, w.f64(dead_score));
  Value sum = w.over('j', ValueRange{w.f64(0)}, [&](ValueRange sum) {
    Value j = w.number('j');
    Value e = w.emit<math::ExpOp>(w.emit<arith::SubFOp>(w.scratch(j), max));
    e = w.emit<arith::SelectOp>(dead, w.f64(0), e);
    w.setScratch(j, e);
    return Values{w.emit<arith::AddFOp>(sum[0], e)};
  })[0];
  sum = w.emit<arith::SelectOp>(dead, w.f64(1), sum);
  w.over('j', [&] {
    Value j = w.number('j');
    w.setScratch(j, w.emit<arith::DivFOp>(w.scratch(j), sum));
  });
}

}  // namespace

Lowering attention(Writer& w, ir::AttentionOp op) {
  Dim scratch_bytes = Dim(8) * w.kernel.extentOf('j');
  return w.items(
      "bi",
      [&] {
        weights(w, op);
        w.over('d', [&] {
          Value sum = w.over('j', ValueRange{w.f64(0)}, [&](ValueRange sum) {
            Value product = w.emit<arith::MulFOp>(w.scratch(w.number('j')), w.read(2));
            return Values{w.emit<arith::AddFOp>(sum[0], product)};
          })[0];
          w.write(0, w.region(op.getEpilogue(), sum, tile::attention_captured)[0]);
        });
        if (w.kernel.outs.size() > 1) w.over('j', [&] { w.write(1, w.scratch(w.number('j'))); });
      },
      scratch_bytes);
}

}  // namespace heed::reference
