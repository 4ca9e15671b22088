#include "heed/compiler/lower/tile/regions.h"

#include <cmath>

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace heed::tile {

Type regionElement(Type element) {
  if (element.isInteger(1)) return element;
  if (element.isIntOrIndex()) return IntegerType::get(element.getContext(), 32);
  return Float32Type::get(element.getContext());
}

bool isIdentity(Region& region) {
  if (region.empty()) return true;
  auto yield = cast<ir::YieldOp>(region.front().getTerminator());
  return yield.getXs().size() == 1 && region.getNumArguments() > 0 &&
         yield.getXs()[0] == region.getArgument(0);
}

std::optional<int> operandOf(BlockArgument argument, int captured, int operands) {
  int leading = int(argument.getOwner()->getNumArguments()) - (operands - captured);
  int number = int(argument.getArgNumber()) - leading;
  return number < 0 ? std::nullopt : std::optional(captured + number);
}

Lookup lookupOf(ir::LookupOp op, Value index) {
  auto table = operandOf(cast<BlockArgument>(op.getTable()), attention_captured,
                         int(op->getParentOp()->getNumOperands()));
  return {*table, int(op.getAxis()), index, op};
}

Value floorQuotient(OpBuilder& b, Location loc, Value x, Value y) {
  Type type = x.getType(), element = getElementTypeOrSelf(type);
  const unsigned bits = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
  auto number = [&](const APInt& value) -> Value {
    TypedAttr one = b.getIntegerAttr(element, value);
    if (auto lanes = dyn_cast<ShapedType>(type)) one = DenseElementsAttr::get(lanes, one);
    return arith::ConstantOp::create(b, loc, one);
  };
  auto is = [&](arith::CmpIPredicate p, Value u, Value v) {
    return b.createOrFold<arith::CmpIOp>(loc, p, u, v);
  };
  auto select = [&](Value c, Value u, Value v) {
    return b.createOrFold<arith::SelectOp>(loc, c, u, v);
  };
  auto both = [&](Value u, Value v) { return b.createOrFold<arith::AndIOp>(loc, u, v); };
  Value zero = number(APInt::getZero(bits)), one = number(APInt(bits, 1)),
        minusOne = number(APInt::getAllOnes(bits));
  using P = arith::CmpIPredicate;
  Value below = is(P::slt, x, zero);
  if (APInt c; matchPattern(y, m_ConstantInt(&c)) && c.isStrictlyPositive()) {
    auto flipped = [&](Value v) {  // -1 - v where x is negative
      return select(below, b.createOrFold<arith::SubIOp>(loc, minusOne, v), v);
    };
    return flipped(b.createOrFold<arith::DivSIOp>(loc, flipped(x), y));
  }
  Value none = is(P::eq, y, zero), wraps = is(P::eq, y, minusOne);
  wraps = both(wraps, is(P::eq, x, number(APInt::getSignedMinValue(bits))));
  Value divisor = select(b.createOrFold<arith::OrIOp>(loc, none, wraps), one, y);
  Value quotient = b.createOrFold<arith::DivSIOp>(loc, x, divisor);
  Value rest = b.createOrFold<arith::SubIOp>(
      loc, x, b.createOrFold<arith::MulIOp>(loc, quotient, divisor));
  Value beyond = both(is(P::ne, rest, zero), is(P::ne, below, is(P::slt, divisor, zero)));
  quotient = select(beyond, b.createOrFold<arith::AddIOp>(loc, quotient, minusOne), quotient);
  return select(none, zero, quotient);
}

namespace {

class Emission {
 public:
  Emission(const RegionTarget& target, Location loc)
      : target(target), b(target.builder), loc(loc) {}

  llvm::DenseMap<Value, Value> values;  // region scalar → emitted value

  LogicalResult emit(Operation& op) {
    auto lookup = dyn_cast<ir::LookupOp>(op);
    Value result = lookup ? element(lookup) : leaf(&op);
    if (!result && !lookup) result = scalar(&op);
    if (!result)
      return op.emitOpError("expected an op of the dialect's scalar language in a kernel's region");
    values[op.getResult(0)] = result;
    return success();
  }

 private:
  const RegionTarget& target;
  OpBuilder& b;
  Location loc;

  Type typed(Type element) {
    return target.lanes ? Type(VectorType::get({target.lanes}, element)) : element;
  }
  static bool isFloat(Value x) { return isa<FloatType>(getElementTypeOrSelf(x.getType())); }
  static bool isBool(Value x) { return getElementTypeOrSelf(x.getType()).isInteger(1); }

  Value constant(Type element, double value) {
    TypedAttr scalar = isa<FloatType>(element)
                           ? TypedAttr(b.getFloatAttr(element, value))
                           : TypedAttr(b.getIntegerAttr(element, int64_t(value)));
    if (!target.lanes) return arith::ConstantOp::create(b, loc, scalar);
    auto type = cast<ShapedType>(typed(element));
    return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, scalar));
  }
  Value like(Value x, double value) { return constant(getElementTypeOrSelf(x.getType()), value); }

  Value leaf(Operation* op) {
    if (auto c = dyn_cast<ir::ConstantOp>(op))
      return constant(regionElement(c.getType()), c.getValue().convertToDouble());
    if (auto c = dyn_cast<ir::CoordinateOp>(op))
      return converted(target.coordinate(c.getMap()), c.getType());
    if (auto e = dyn_cast<ir::ExtentOp>(op))
      if (auto dim = parse_dim(e.getDim())) return converted(target.extent(*dim), e.getType());
    return {};
  }

  Value element(ir::LookupOp op) {
    if (!target.lookup || !isa<ir::AttentionOp>(op->getParentOp())) return {};
    return target.lookup(lookupOf(op, values.lookup(op.getIndex())));
  }

  // x as a region value of `type`, the meaning of heed.cast.
  Value converted(Value x, Type type) {
    Type to = regionElement(type), from = getElementTypeOrSelf(x.getType());
    if (to == from) return x;
    if (to.isInteger(1))
      return compare(arith::CmpFPredicate::UNE, arith::CmpIPredicate::ne, x, like(x, 0));
    Type target_type = typed(to);
    if (isa<FloatType>(to)) {
      if (from.isInteger(1)) return arith::UIToFPOp::create(b, loc, target_type, x);
      return arith::SIToFPOp::create(b, loc, target_type, x);
    }
    if (isFloat(x)) return arith::FPToSIOp::create(b, loc, target_type, x);
    return arith::ExtUIOp::create(b, loc, target_type, x);
  }

  Value compare(arith::CmpFPredicate p, Value x, Value y) {
    return arith::CmpFOp::create(b, loc, p, x, y);
  }
  Value compare(arith::CmpIPredicate p, Value x, Value y) {
    return arith::CmpIOp::create(b, loc, p, x, y);
  }
  Value compare(arith::CmpFPredicate f, arith::CmpIPredicate i, Value x, Value y) {
    return isFloat(x) ? compare(f, x, y) : compare(i, x, y);
  }
  Value select(Value c, Value x, Value y) { return arith::SelectOp::create(b, loc, c, x, y); }
  // The larger or smaller; NaN where one is NaN. One instruction where x is a constant.
  Value either(arith::CmpFPredicate f, arith::CmpIPredicate i, Value x, Value y) {
    Value one = select(compare(f, i, x, y), x, y);  // NaN where y is
    if (!isFloat(x) || matchPattern(x, m_Constant())) return one;
    return select(compare(arith::CmpFPredicate::UNO, x, x), x, one);
  }
  Value maximum(Value x, Value y) {
    if (matchPattern(y, m_Constant())) std::swap(x, y);
    return either(arith::CmpFPredicate::OGT, arith::CmpIPredicate::sgt, x, y);
  }
  Value minimum(Value x, Value y) {
    if (matchPattern(y, m_Constant())) std::swap(x, y);
    return either(arith::CmpFPredicate::OLT, arith::CmpIPredicate::slt, x, y);
  }
  template <class F, class I>
  Value arithmetic(Value x, Value y) {
    return isFloat(x) ? Value(F::create(b, loc, x, y)) : Value(I::create(b, loc, x, y));
  }
  Value call(Function f, ValueRange x) { return target.math(f, x); }

  // x^c for the exponents that models use; null for others.
  Value constantPower(Value x, Operation* exponent) {
    auto c = dyn_cast_or_null<ir::ConstantOp>(exponent);
    if (!c) return {};
    double n = c.getValue().convertToDouble();
    auto times = [&](Value a, Value c) -> Value { return arith::MulFOp::create(b, loc, a, c); };
    if (n == 1) return x;
    if (n == 2) return times(x, x);
    if (n == 3) return times(x, times(x, x));
    if (n == 0.5) return call(Function::sqrt, x);
    if (n == -0.5) return call(Function::rsqrt, x);
    if (n == -1) return arith::DivFOp::create(b, loc, like(x, 1), x);
    return {};
  }

  Value comparison(Operation* op, Value x, Value y) {
    using F = arith::CmpFPredicate;
    using I = arith::CmpIPredicate;
    if (isBool(x) && isa<ir::EqOp, ir::NeOp>(op))
      return compare(isa<ir::EqOp>(op) ? I::eq : I::ne, x, y);
    return llvm::TypeSwitch<Operation*, Value>(op)
        .Case<ir::EqOp>([&](auto) { return compare(F::OEQ, I::eq, x, y); })
        .Case<ir::NeOp>([&](auto) { return compare(F::UNE, I::ne, x, y); })
        .Case<ir::LtOp>([&](auto) { return compare(F::OLT, I::slt, x, y); })
        .Case<ir::LeOp>([&](auto) { return compare(F::OLE, I::sle, x, y); })
        .Case<ir::GtOp>([&](auto) { return compare(F::OGT, I::sgt, x, y); })
        .Case<ir::GeOp>([&](auto) { return compare(F::OGE, I::sge, x, y); })
        .Default([](Operation*) { return Value(); });
  }

  Value binary(Operation* op, Value x, Value y) {
    return llvm::TypeSwitch<Operation*, Value>(op)
        .Case<ir::AddOp>([&](auto) { return arithmetic<arith::AddFOp, arith::AddIOp>(x, y); })
        .Case<ir::SubOp>([&](auto) { return arithmetic<arith::SubFOp, arith::SubIOp>(x, y); })
        .Case<ir::MulOp>([&](auto) { return arithmetic<arith::MulFOp, arith::MulIOp>(x, y); })
        .Case<ir::DivOp>([&](auto) -> Value {
          if (isFloat(x)) return arith::DivFOp::create(b, loc, x, y);
          return floorQuotient(b, loc, x, y);
        })
        .Case<ir::MaximumOp>([&](auto) { return maximum(x, y); })
        .Case<ir::MinimumOp>([&](auto) { return minimum(x, y); })
        .Case<ir::LogicalAndOp>([&](auto) -> Value { return arith::AndIOp::create(b, loc, x, y); })
        .Case<ir::LogicalOrOp>([&](auto) -> Value { return arith::OrIOp::create(b, loc, x, y); })
        .Case<ir::PowOp>([&](auto) {
          Value special = constantPower(x, op->getOperand(1).getDefiningOp());
          return special ? special : call(Function::pow, {x, y});
        })
        .Default([&](Operation* other) { return comparison(other, x, y); });
  }

  // The word, or in f32 its upper 23 bits n as (n + 1/2) / 2^23, which is exact.
  Value random(ValueRange x, Type type) {
    constexpr int bits = 23;
    Value word = call(Function::random, x);
    if (!isa<FloatType>(type)) return word;
    Value upper = arith::ShRUIOp::create(b, loc, word, like(word, 32 - bits));
    Value n = arith::SIToFPOp::create(b, loc, typed(regionElement(type)), upper);
    n = arith::AddFOp::create(b, loc, n, like(n, 0.5));
    return arith::MulFOp::create(b, loc, n, like(n, std::ldexp(1.0, -bits)));
  }

  Value unary(Operation* op, Value x) {
    return llvm::TypeSwitch<Operation*, Value>(op)
        .Case<ir::CastOp>([&](auto) { return converted(x, op->getResult(0).getType()); })
        .Case<ir::NegOp>([&](auto) -> Value {
          if (isFloat(x)) return arith::NegFOp::create(b, loc, x);
          return arith::SubIOp::create(b, loc, like(x, 0), x);
        })
        .Case<ir::AbsOp>([&](auto) -> Value {
          if (isFloat(x)) return math::AbsFOp::create(b, loc, x);
          return math::AbsIOp::create(b, loc, x);
        })
        .Case<ir::LogicalNotOp>(
            [&](auto) -> Value { return arith::XOrIOp::create(b, loc, x, like(x, 1)); })
        .Case<ir::ReluOp>([&](auto) { return maximum(like(x, 0), x); })
        .Case<ir::ExpOp>([&](auto) { return call(Function::exp, x); })
        .Case<ir::LogOp>([&](auto) { return call(Function::log, x); })
        .Case<ir::SqrtOp>([&](auto) { return call(Function::sqrt, x); })
        .Case<ir::RsqrtOp>([&](auto) { return call(Function::rsqrt, x); })
        .Case<ir::TanhOp>([&](auto) { return call(Function::tanh, x); })
        .Case<ir::SigmoidOp>([&](auto) { return call(Function::sigmoid, x); })
        .Case<ir::ErfOp>([&](auto) { return call(Function::erf, x); })
        .Case<ir::SinOp>([&](auto) { return call(Function::sin, x); })
        .Case<ir::CosOp>([&](auto) { return call(Function::cos, x); })
        .Case<ir::GeluOp>([&](auto) { return call(Function::gelu, x); })
        .Case<ir::SiluOp>([&](auto) { return call(Function::silu, x); })
        .Default([](Operation*) { return Value(); });
  }

  Value scalar(Operation* op) {
    llvm::SmallVector<Value> x;
    for (Value operand : op->getOperands()) x.push_back(values.lookup(operand));
    if (isa<ir::WhereOp>(op)) return select(x[0], x[1], x[2]);
    if (isa<ir::RandomOp>(op)) return random(x, op->getResult(0).getType());
    if (x.size() == 2) return binary(op, x[0], x[1]);
    return x.size() == 1 ? unary(op, x[0]) : Value();
  }
};

}  // namespace

FailureOr<llvm::SmallVector<Value>> emitRegion(Region& region, ValueRange leading, int captured,
                                               const RegionTarget& target) {
  Operation* kernel = region.getParentOp();
  Emission emission(target, kernel->getLoc());
  int captures = int(kernel->getNumOperands()) - captured;
  int first = int(region.getNumArguments()) - captures;  // of the leading values
  if (first < 0 || first > int(leading.size()))
    return kernel->emitOpError("expected a region argument for each captured operand");
  for (int n = 0; n < first; ++n) emission.values[region.getArgument(n)] = leading[n];
  for (int n = 0; n < captures; ++n) {
    Value argument = region.getArgument(first + n);
    bool isRead = llvm::any_of(argument.getUses(), [](OpOperand& use) {
      return !isa<ir::LookupOp>(use.getOwner()) || use.getOperandNumber() != 0;
    });
    if (isRead) emission.values[argument] = target.load(captured + n);
  }
  for (Operation& op : region.front().without_terminator())
    if (failed(emission.emit(op))) return failure();
  llvm::SmallVector<Value> results;
  for (Value x : region.front().getTerminator()->getOperands())
    results.push_back(emission.values.lookup(x));
  return results;
}

}  // namespace heed::tile
