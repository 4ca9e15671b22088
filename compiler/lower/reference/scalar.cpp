#include "heed/compiler/lower/reference/scalar.h"

#include <cmath>

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace heed::reference {

Type scalarType(Type element) {
  return isa<FloatType>(element) ? Float64Type::get(element.getContext()) : element;
}
Type storedType(Type element) {
  return element.isInteger(1) ? IntegerType::get(element.getContext(), 8) : element;
}

Value scalarConstant(OpBuilder& b, Location at, double value, Type scalar) {
  if (isa<FloatType>(scalar))
    return arith::ConstantOp::create(b, at, b.getFloatAttr(scalar, value));
  return arith::ConstantOp::create(b, at, b.getIntegerAttr(scalar, int64_t(value)));
}

Value fromStorage(OpBuilder& b, Location at, Value x, Type element) {
  if (element.isInteger(1))
    return arith::CmpIOp::create(b, at, arith::CmpIPredicate::ne, x,
                                 scalarConstant(b, at, 0, x.getType()));
  if (!isa<FloatType>(element)) return x;
  if (!element.isF32()) x = arith::ExtFOp::create(b, at, b.getF32Type(), x);
  return arith::ExtFOp::create(b, at, b.getF64Type(), x);
}

Value toStorage(OpBuilder& b, Location at, Value x, Type element) {
  if (element.isInteger(1)) return arith::ExtUIOp::create(b, at, b.getI8Type(), x);
  if (!isa<FloatType>(element)) return x;
  x = arith::TruncFOp::create(b, at, b.getF32Type(), x);
  return element.isF32() ? x : arith::TruncFOp::create(b, at, element, x);
}

namespace {

class Scalars {
 public:
  Scalars(OpBuilder& b, Location at) : b(b), at(at) {}

  Value constant(double value, Type scalar) { return scalarConstant(b, at, value, scalar); }

  // heed.cast: a number goes to the nearest of the type, towards zero from float to integer.
  Value cast(Value x, Type element) {
    Type from = x.getType(), to = scalarType(element);
    if (isa<FloatType>(to) && isa<FloatType>(from)) {
      if (element.isF32()) return x;
      return fromStorage(b, at, toStorage(b, at, x, element), element);
    }
    if (from == to) return x;
    if (to.isInteger(1)) return notEqual(x, constant(0, from));
    if (isa<FloatType>(to)) {
      if (from.isInteger(1)) return arith::UIToFPOp::create(b, at, to, x);
      return arith::SIToFPOp::create(b, at, to, x);
    }
    if (isa<FloatType>(from)) return arith::FPToSIOp::create(b, at, to, x);
    if (from.getIntOrFloatBitWidth() > to.getIntOrFloatBitWidth())
      return arith::TruncIOp::create(b, at, to, x);
    if (from.isInteger(1)) return arith::ExtUIOp::create(b, at, to, x);
    return arith::ExtSIOp::create(b, at, to, x);
  }
  Value fromIndex(Value index, Type element) {
    return cast(arith::IndexCastOp::create(b, at, b.getI64Type(), index), element);
  }

  Value operator()(Operation* op, ValueRange x) {
    return llvm::TypeSwitch<Operation*, Value>(op)
        .Case<ir::AddOp>([&](auto) { return either<arith::AddFOp, arith::AddIOp>(x); })
        .Case<ir::SubOp>([&](auto) { return either<arith::SubFOp, arith::SubIOp>(x); })
        .Case<ir::MulOp>([&](auto) { return either<arith::MulFOp, arith::MulIOp>(x); })
        .Case<ir::DivOp>([&](auto) {
          return isa<FloatType>(x[0].getType()) ? one<arith::DivFOp>(x) : quotient(x[0], x[1]);
        })
        .Case<ir::MaximumOp>([&](auto) { return either<arith::MaximumFOp, arith::MaxSIOp>(x); })
        .Case<ir::MinimumOp>([&](auto) { return either<arith::MinimumFOp, arith::MinSIOp>(x); })
        .Case<ir::PowOp>([&](auto) { return one<math::PowFOp>(x); })
        .Case<ir::EqOp>([&](auto) { return compare(F::OEQ, I::eq, x); })
        .Case<ir::NeOp>([&](auto) { return compare(F::UNE, I::ne, x); })
        .Case<ir::LtOp>([&](auto) { return compare(F::OLT, I::slt, x); })
        .Case<ir::LeOp>([&](auto) { return compare(F::OLE, I::sle, x); })
        .Case<ir::GtOp>([&](auto) { return compare(F::OGT, I::sgt, x); })
        .Case<ir::GeOp>([&](auto) { return compare(F::OGE, I::sge, x); })
        .Case<ir::LogicalAndOp>([&](auto) { return one<arith::AndIOp>(x); })
        .Case<ir::LogicalOrOp>([&](auto) { return one<arith::OrIOp>(x); })
        .Case<ir::LogicalNotOp>([&](auto) {
          return one<arith::XOrIOp>({x[0], constant(1, x[0].getType())});
        })
        .Case<ir::WhereOp>([&](auto) { return one<arith::SelectOp>(x); })
        .Case<ir::CastOp>([&](auto) { return cast(x[0], op->getResult(0).getType()); })
        .Case<ir::RandomOp>([&](auto) { return random(x, op->getResult(0).getType()); })
        .Default([&](Operation*) { return unary(op, x[0]); });
  }

 private:
  using F = arith::CmpFPredicate;
  using I = arith::CmpIPredicate;

  template <class Op>
  Value one(ValueRange x) {
    return Op::create(b, at, x).getResult();
  }
  template <class OfFloats, class OfIntegers>
  Value either(ValueRange x) {
    return isa<FloatType>(x[0].getType()) ? one<OfFloats>(x) : one<OfIntegers>(x);
  }
  Value compare(F f, I i, ValueRange x) {
    if (isa<FloatType>(x[0].getType())) return arith::CmpFOp::create(b, at, f, x[0], x[1]);
    return arith::CmpIOp::create(b, at, i, x[0], x[1]);
  }
  // Rounded down; 0 where y is 0, and the lowest number by -1 is itself.
  Value quotient(Value x, Value y) {
    auto is = [&](I p, Value u, Value v) { return compare(F::OEQ, p, {u, v}); };
    auto lowest = b.getIntegerAttr(
        x.getType(), APInt::getSignedMinValue(x.getType().getIntOrFloatBitWidth()));
    Value none = is(I::eq, y, like(0, y)),
          wraps = one<arith::AndIOp>({is(I::eq, x, arith::ConstantOp::create(b, at, lowest)),
                                      is(I::eq, y, like(-1, y))});
    Value by = one<arith::SelectOp>({one<arith::OrIOp>({none, wraps}), like(1, y), y});
    Value towards_zero = one<arith::DivSIOp>({x, by}), rest = one<arith::RemSIOp>({x, by});
    // a remainder has x's sign: where y has the other one, the quotient is below 0
    Value low = one<arith::AndIOp>(
        {is(I::ne, rest, like(0, x)),
         is(I::slt, one<arith::XOrIOp>({rest, by}), like(0, x))});
    Value down = one<arith::SelectOp>(
        {low, one<arith::SubIOp>({towards_zero, like(1, x)}), towards_zero});
    return one<arith::SelectOp>({none, like(0, x), down});
  }
  Value notEqual(Value x, Value y) { return compare(F::UNE, I::ne, {x, y}); }
  Value like(double value, Value x) { return constant(value, x.getType()); }

  Value sigmoid(Value x) {  // 1 / (1 + exp(-x))
    Value e = one<math::ExpOp>({one<arith::NegFOp>({x})});
    return one<arith::DivFOp>({like(1, x), one<arith::AddFOp>({like(1, x), e})});
  }
  Value gelu(Value x) {  // x/2 (1 + erf(x/√2))
    Value erf = one<math::ErfOp>({one<arith::MulFOp>({x, like(std::sqrt(0.5), x)})});
    Value half = one<arith::MulFOp>({like(0.5, x), x});
    return one<arith::MulFOp>({half, one<arith::AddFOp>({like(1, x), erf})});
  }

  // Philox2x32-10 (Salmon et al., SC'11), its words in 64 bits.
  Value random(ValueRange x, Type type) {
    constexpr int64_t multiplier = 0xd256d193, weyl = 0x9e3779b9;
    Type wide = b.getI64Type();
    auto number = [&](int64_t value) -> Value {
      return arith::ConstantOp::create(b, at, b.getIntegerAttr(wide, value));
    };
    auto low = [&](Value v) { return one<arith::AndIOp>({v, number(0xffffffff)}); };
    auto high = [&](Value v, int bits) { return one<arith::ShRUIOp>({v, number(bits)}); };
    SmallVector<Value> words;
    for (Value v : x) words.push_back(low(cast(v, wide)));
    Value key = words[0], c0 = words[1], c1 = words[2];
    for (int round = 0; round < 10; ++round) {
      Value product = one<arith::MulIOp>({number(multiplier), c0});
      c0 = one<arith::XOrIOp>({one<arith::XOrIOp>({high(product, 32), key}), c1});
      c1 = low(product);
      key = low(one<arith::AddIOp>({key, number(weyl)}));
    }
    if (!isa<FloatType>(type)) return cast(c0, type);
    Value n = cast(high(c0, 9), type);  // (n + 1/2) / 2^23
    return one<arith::MulFOp>({one<arith::AddFOp>({n, like(0.5, n)}), like(0x1p-23, n)});
  }

  Value unary(Operation* op, Value x) {
    return llvm::TypeSwitch<Operation*, Value>(op)
        .Case<ir::NegOp>([&](auto) {
          return either<arith::SubFOp, arith::SubIOp>({like(-0.0, x), x});
        })
        .Case<ir::AbsOp>([&](auto) { return either<math::AbsFOp, math::AbsIOp>({x}); })
        .Case<ir::ExpOp>([&](auto) { return one<math::ExpOp>({x}); })
        .Case<ir::LogOp>([&](auto) { return one<math::LogOp>({x}); })
        .Case<ir::SqrtOp>([&](auto) { return one<math::SqrtOp>({x}); })
        .Case<ir::RsqrtOp>([&](auto) {
          return one<arith::DivFOp>({like(1, x), one<math::SqrtOp>({x})});
        })
        .Case<ir::TanhOp>([&](auto) { return one<math::TanhOp>({x}); })
        .Case<ir::SigmoidOp>([&](auto) { return sigmoid(x); })
        .Case<ir::ErfOp>([&](auto) { return one<math::ErfOp>({x}); })
        .Case<ir::SinOp>([&](auto) { return one<math::SinOp>({x}); })
        .Case<ir::CosOp>([&](auto) { return one<math::CosOp>({x}); })
        .Case<ir::ReluOp>([&](auto) {
          return one<arith::MaximumFOp>({x, like(0, x)});
        })
        .Case<ir::GeluOp>([&](auto) { return gelu(x); })
        .Case<ir::SiluOp>([&](auto) {
          return one<arith::MulFOp>({x, sigmoid(x)});
        })
        .Default([](Operation*) { return Value(); });
  }

  OpBuilder& b;
  Location at;
};

}  // namespace

FailureOr<SmallVector<Value>> evaluate(Region& region, OpBuilder& b, const Surroundings& around) {
  Location at = region.getLoc();
  Scalars scalars(b, at);
  llvm::DenseMap<Value, Value> values;
  for (BlockArgument argument : region.getArguments())
    if (!llvm::all_of(argument.getUsers(), llvm::IsaPred<ir::LookupOp>))
      values[argument] = around.argument(argument.getArgNumber());
  for (Operation& op : region.front().without_terminator()) {
    Value result;
    if (auto constant = dyn_cast<ir::ConstantOp>(op)) {
      result =
          scalars.constant(constant.getValue().convertToDouble(), scalarType(constant.getType()));
    } else if (auto coordinate = dyn_cast<ir::CoordinateOp>(op)) {
      result = scalars.fromIndex(around.coordinate(coordinate.getMap()), coordinate.getType());
    } else if (auto extent = dyn_cast<ir::ExtentOp>(op)) {
      auto dim = parse_dim(extent.getDim());
      if (!dim) return op.emitOpError("expected a dimension, found '") << extent.getDim() << "'";
      result = scalars.fromIndex(around.extent(*dim), extent.getType());
    } else if (auto lookup = dyn_cast<ir::LookupOp>(op)) {
      unsigned table = cast<BlockArgument>(lookup.getTable()).getArgNumber();
      result = around.lookup(table, unsigned(lookup.getAxis()), values.lookup(lookup.getIndex()));
    } else if (ir::isScalarOp(&op)) {
      SmallVector<Value> operands;
      for (Value x : op.getOperands()) operands.push_back(values.lookup(x));
      result = scalars(&op, operands);
    }
    if (!result) return op.emitOpError("expected a scalar op in a kernel's region");
    values[op.getResult(0)] = result;
  }
  SmallVector<Value> results;
  for (Value x : region.front().getTerminator()->getOperands()) results.push_back(values.lookup(x));
  return results;
}

}  // namespace heed::reference
