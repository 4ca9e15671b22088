// x = prologue(ins[0]) along k; softmax and normalize give epilogue(y[i,k]), the reductions
// epilogue(y[i])
#include <limits>

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include "heed/compiler/lower/reference/kinds.h"

using namespace mlir;

namespace heed::reference {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

Value add(Writer& w, Value x, Value y) {
  return isa<FloatType>(x.getType()) ? w.emit<arith::AddFOp>(x, y) : w.emit<arith::AddIOp>(x, y);
}
Value largest(Writer& w, Value x, Value y) {
  return isa<FloatType>(x.getType()) ? w.emit<arith::MaximumFOp>(x, y)
                                     : w.emit<arith::MaxSIOp>(x, y);
}
Value smallest(Writer& w, Value x, Value y) {
  return isa<FloatType>(x.getType()) ? w.emit<arith::MinimumFOp>(x, y)
                                     : w.emit<arith::MinSIOp>(x, y);
}

class Row {
 public:
  Row(Writer& w, ir::RowsOp op) : w(w), op(op) {
    Type element = op.getPrologue().front().getTerminator()->getOperand(0).getType();
    scalar = scalarType(element);
  }

  Value x() { return w.region(op.getPrologue(), w.read(0), 1)[0]; }
  void store(Value y) {
    for (auto [n, result] : llvm::enumerate(w.region(op.getEpilogue(), y, 1)))
      w.write(int(n), result);
  }
  Value fold(Value start, llvm::function_ref<Value(Value sum, Value x)> step) {
    return w.over('k', ValueRange{start},
                  [&](ValueRange sum) { return Values{step(sum[0], x())}; })[0];
  }
  Value sum() {
    return fold(constant(0), [&](Value sum, Value x) { return add(w, sum, x); });
  }
  Value max() {
    return fold(least(), [&](Value sum, Value x) { return largest(w, sum, x); });
  }
  Value min() {
    return fold(most(), [&](Value sum, Value x) { return smallest(w, sum, x); });
  }
  Value mean(Value sum) { return w.emit<arith::DivFOp>(sum, count()); }

  // exp(x - max) / Σ exp(x - max); zeros where every x is -inf
  void softmax() {
    Value max = this->max();
    Value dead = w.emit<arith::CmpFOp>(arith::CmpFPredicate::OEQ, max, w.f64(-infinity));
    auto weight = [&](Value x) {
      Value e = w.emit<math::ExpOp>(w.emit<arith::SubFOp>(x, max));
      return w.emit<arith::SelectOp>(dead, w.f64(0), e);
    };
    Value sum = fold(w.f64(0), [&](Value sum, Value x) { return add(w, sum, weight(x)); });
    sum = w.emit<arith::SelectOp>(dead, w.f64(1), sum);
    w.over('k', [&] { store(w.emit<arith::DivFOp>(weight(x()), sum)); });
  }

  // (x - mean) / sqrt(mean of (x - mean)² + eps)
  void normalize() {
    Value mean = this->mean(sum());
    auto centred = [&](Value x) { return w.emit<arith::SubFOp>(x, mean); };
    Value squares = fold(w.f64(0), [&](Value sum, Value x) {
      return add(w, sum, w.emit<arith::MulFOp>(centred(x), centred(x)));
    });
    Value eps = w.f64(op.getEps() ? op.getEps()->convertToDouble() : 0);
    Value deviation = w.emit<math::SqrtOp>(add(w, this->mean(squares), eps));
    w.over('k', [&] { store(w.emit<arith::DivFOp>(centred(x()), deviation)); });
  }

 private:
  Value constant(double value) { return scalarConstant(w.b, w.at, value, scalar); }
  Value least() {
    if (isa<FloatType>(scalar)) return w.f64(-infinity);
    return w.emit<arith::ConstantOp>(
        w.b.getIntegerAttr(scalar, APInt::getSignedMinValue(scalar.getIntOrFloatBitWidth())));
  }
  Value most() {
    if (isa<FloatType>(scalar)) return w.f64(infinity);
    return w.emit<arith::ConstantOp>(
        w.b.getIntegerAttr(scalar, APInt::getSignedMaxValue(scalar.getIntOrFloatBitWidth())));
  }
  Value count() {
    Value k = w.emit<arith::IndexCastOp>(w.b.getI64Type(), w.dim(w.kernel.extentOf('k')));
    return w.emit<arith::SIToFPOp>(w.b.getF64Type(), k);
  }

  Writer& w;
  ir::RowsOp op;
  Type scalar;
};

}  // namespace

Lowering rows(Writer& w, ir::RowsOp op) {
  StringRef reduction = op.getReduction();
  Row row(w, op);
  return w.items("i", [&] {
    if (reduction == "softmax") row.softmax();
    else if (reduction == "normalize") row.normalize();
    else if (reduction == "sum") row.store(row.sum());
    else if (reduction == "mean") row.store(row.mean(row.sum()));
    else if (reduction == "max") row.store(row.max());
    else row.store(row.min());
  });
}

}  // namespace heed::reference
