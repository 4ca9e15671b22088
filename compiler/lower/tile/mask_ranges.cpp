#include "heed/compiler/lower/tile/mask_ranges.h"

#include "llvm/ADT/TypeSwitch.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace heed::tile {

namespace {

using MaybeRange = std::optional<Range>;
using MaybeVerdict = std::optional<Verdict>;
using Compare = arith::CmpIPredicate;

// Index arithmetic that folds as it is emitted.
struct Arithmetic {
  OpBuilder& b;
  Location loc;

  Value number(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }
  Value truth(bool value) { return arith::ConstantOp::create(b, loc, b.getBoolAttr(value)); }
  template <class Op>
  Value apply(Value x, Value y) { return b.createOrFold<Op>(loc, x, y); }
  Value is(Compare p, Value x, Value y) { return b.createOrFold<arith::CmpIOp>(loc, p, x, y); }
  Value both(Value x, Value y) { return apply<arith::AndIOp>(x, y); }
  Value either(Value x, Value y) { return apply<arith::OrIOp>(x, y); }
  Value negation(Value x) { return apply<arith::XOrIOp>(x, truth(true)); }
  Value select(Value c, Value x, Value y) { return b.createOrFold<arith::SelectOp>(loc, c, x, y); }
  Value least(Value x, Value y) { return apply<arith::MinSIOp>(x, y); }
  Value largest(Value x, Value y) { return apply<arith::MaxSIOp>(x, y); }

  Range plus(const Range& x, const Range& y) {
    return {apply<arith::AddIOp>(x.low, y.low), apply<arith::AddIOp>(x.high, y.high)};
  }
  Range minus(const Range& x, const Range& y) {
    return {apply<arith::SubIOp>(x.low, y.high), apply<arith::SubIOp>(x.high, y.low)};
  }
  template <class Op>
  Range corners(const Range& x, const Range& y) {
    Value a = apply<Op>(x.low, y.low), c = apply<Op>(x.high, y.high);
    if (y.low == y.high) return {least(a, c), largest(a, c)};
    Value d = apply<Op>(x.low, y.high), f = apply<Op>(x.high, y.low);
    return {least(least(a, c), least(d, f)), largest(largest(a, c), largest(d, f))};
  }
  // Of digit values in [0, extent) while the number above them runs through `whole`, which becomes
  // that above.
  Range digit(Range& whole, Value extent) {
    Range above{apply<arith::DivUIOp>(whole.low, extent),
                apply<arith::DivUIOp>(whole.high, extent)};
    Value one = is(Compare::eq, above.low, above.high);
    Range digit{select(one, apply<arith::RemUIOp>(whole.low, extent), number(0)),
                select(one, apply<arith::RemUIOp>(whole.high, extent),
                       apply<arith::SubIOp>(extent, number(1)))};
    whole = above;
    return digit;
  }
};

class Judge {
 public:
  Judge(const Kernel& kernel, const Rectangle& rectangle)
      : kernel(kernel), rectangle(rectangle), a{rectangle.builder, kernel.op->getLoc()} {}

  MaybeVerdict verdict(Value x) {
    auto [at, isNew] = verdicts.try_emplace(x);
    if (!isNew) return at->second;
    MaybeVerdict result = verdictOf(x);
    verdicts[x] = result;
    return result;
  }

 private:
  const Kernel& kernel;
  const Rectangle& rectangle;
  Arithmetic a;
  llvm::DenseMap<Value, MaybeVerdict> verdicts;
  llvm::DenseMap<Value, MaybeRange> ranges;

  MaybeRange range(Value x) {
    auto [at, isNew] = ranges.try_emplace(x);
    if (!isNew) return at->second;
    MaybeRange result = rangeOf(x);
    ranges[x] = result;
    return result;
  }

  // ---- bools ----

  MaybeVerdict verdictOf(Value x) {
    if (readsElements(x)) {
      MaybeRange elements = elementsOf(x);
      if (!elements) return {};
      return Verdict{a.is(Compare::ne, elements->high, a.number(0)),
                     a.is(Compare::ne, elements->low, a.number(0))};
    }
    return llvm::TypeSwitch<Operation*, MaybeVerdict>(x.getDefiningOp())
        .Case<ir::LogicalAndOp>(
            [&](auto op) { return joined(verdict(op.getX()), verdict(op.getY()), true); })
        .Case<ir::LogicalOrOp>(
            [&](auto op) { return joined(verdict(op.getX()), verdict(op.getY()), false); })
        .Case<ir::LogicalNotOp>([&](auto op) { return negated(verdict(op.getX())); })
        .Case<ir::EqOp>([&](auto op) { return equal(range(op.getX()), range(op.getY())); })
        .Case<ir::NeOp>([&](auto op) { return negated(equal(range(op.getX()), range(op.getY()))); })
        .Case<ir::LtOp>(
            [&](auto op) { return ordered(Compare::slt, range(op.getX()), range(op.getY())); })
        .Case<ir::LeOp>(
            [&](auto op) { return ordered(Compare::sle, range(op.getX()), range(op.getY())); })
        .Case<ir::GtOp>(
            [&](auto op) { return ordered(Compare::slt, range(op.getY()), range(op.getX())); })
        .Case<ir::GeOp>(
            [&](auto op) { return ordered(Compare::sle, range(op.getY()), range(op.getX())); })
        .Default([](Operation*) { return MaybeVerdict(); });
  }

  // What is not known may be anything.
  MaybeVerdict joined(MaybeVerdict x, MaybeVerdict y, bool conjunction) {
    if (!x && !y) return {};
    Verdict unknown{a.truth(true), a.truth(false)}, p = x.value_or(unknown),
                                                    q = y.value_or(unknown);
    if (conjunction) return Verdict{a.both(p.may, q.may), a.both(p.must, q.must)};
    return Verdict{a.either(p.may, q.may), a.either(p.must, q.must)};
  }
  MaybeVerdict negated(MaybeVerdict x) {
    if (!x) return {};
    return Verdict{a.negation(x->must), a.negation(x->may)};
  }
  MaybeVerdict ordered(Compare p, MaybeRange x, MaybeRange y) {
    if (!x || !y) return {};
    return Verdict{a.is(p, x->low, y->high), a.is(p, x->high, y->low)};
  }
  MaybeVerdict equal(MaybeRange x, MaybeRange y) {
    if (!x || !y) return {};
    Value meet = a.both(a.is(Compare::sle, x->low, y->high), a.is(Compare::sle, y->low, x->high));
    Value single = a.both(a.is(Compare::eq, x->low, y->high), a.is(Compare::eq, x->high, y->low));
    return Verdict{meet, single};
  }

  // ---- integers ----

  MaybeRange rangeOf(Value x) {
    if (!x.getType().isIntOrIndex()) return {};
    if (x.getType().isInteger(1)) {
      MaybeVerdict v = verdict(x);
      if (!v) return {};
      return Range{a.select(v->must, a.number(1), a.number(0)),
                   a.select(v->may, a.number(1), a.number(0))};
    }
    if (readsElements(x)) return elementsOf(x);
    return llvm::TypeSwitch<Operation*, MaybeRange>(x.getDefiningOp())
        .Case<ir::CoordinateOp>([&](auto op) { return rangeOf(op.getMap().getResult(0)); })
        .Case<ir::ConstantOp>(
            [&](auto op) { return exactly(a.number(int64_t(op.getValue().convertToDouble()))); })
        .Case<ir::ExtentOp>([&](auto op) { return dimension(parse_dim(op.getDim())); })
        .Case<ir::CastOp>([&](auto op) { return range(op.getX()); })
        .Case<ir::NegOp>([&](auto op) {
          return with(exactly(a.number(0)), range(op.getX()), &Arithmetic::minus);
        })
        .Case<ir::AddOp>(
            [&](auto op) { return with(range(op.getX()), range(op.getY()), &Arithmetic::plus); })
        .Case<ir::SubOp>(
            [&](auto op) { return with(range(op.getX()), range(op.getY()), &Arithmetic::minus); })
        .Case<ir::MulOp>([&](auto op) {
          return with(range(op.getX()), range(op.getY()), &Arithmetic::corners<arith::MulIOp>);
        })
        .Case<ir::DivOp>([&](auto op) { return quotient(range(op.getX()), op.getY()); })
        .Case<ir::MinimumOp>(
            [&](auto op) { return extreme<arith::MinSIOp>(range(op.getX()), range(op.getY())); })
        .Case<ir::MaximumOp>(
            [&](auto op) { return extreme<arith::MaxSIOp>(range(op.getX()), range(op.getY())); })
        .Case<ir::WhereOp>([&](auto op) {
          return chosen(verdict(op.getCondition()), range(op.getThenValue()),
                        range(op.getElseValue()));
        })
        .Default([](Operation*) { return MaybeRange(); });
  }

  static MaybeRange exactly(Value x) { return Range{x, x}; }
  MaybeRange dimension(const std::optional<Dim>& dim) {
    return dim ? exactly(rectangle.extent(*dim)) : MaybeRange();
  }
  MaybeRange with(MaybeRange x, MaybeRange y, Range (Arithmetic::*f)(const Range&, const Range&)) {
    if (!x || !y) return {};
    return (a.*f)(*x, *y);
  }
  template <class Op>
  MaybeRange extreme(MaybeRange x, MaybeRange y) {
    if (!x || !y) return {};
    return Range{a.apply<Op>(x->low, y->low), a.apply<Op>(x->high, y->high)};
  }
  MaybeRange quotient(MaybeRange x, Value divisor) {
    auto c = divisor.getDefiningOp<ir::ConstantOp>();
    if (!x || !c || c.getValue().convertToDouble() < 1) return {};
    Value by = a.number(int64_t(c.getValue().convertToDouble()));
    return Range{floorQuotient(a.b, a.loc, x->low, by), floorQuotient(a.b, a.loc, x->high, by)};
  }
  MaybeRange chosen(MaybeVerdict condition, MaybeRange x, MaybeRange y) {
    if (!x || !y) return {};
    Range any{a.least(x->low, y->low), a.largest(x->high, y->high)};
    if (!condition) return any;
    auto pick = [&](Value then, Value otherwise, Value both) {
      return a.select(condition->must, then, a.select(condition->may, both, otherwise));
    };
    return Range{pick(x->low, y->low, any.low), pick(x->high, y->high, any.high)};
  }

  static bool readsElements(Value x) {
    return isa<BlockArgument>(x) || isa<ir::LookupOp>(x.getDefiningOp());
  }
  MaybeRange elementsOf(Value x) {
    auto countable = [&](int operand) {
      const Access& access = kernel.ins[size_t(operand)];
      return (is_integer(access.dtype) || access.dtype == DType::boolean) && !access.fill;
    };
    if (auto op = x.getDefiningOp<ir::LookupOp>()) {
      const Lookup lookup = lookupOf(op);
      MaybeRange indices = range(op.getIndex());
      return indices && countable(lookup.operand) ? rectangle.found(lookup, *indices)
                                                  : MaybeRange();
    }
    auto operand = operandOf(cast<BlockArgument>(x), attention_captured, int(kernel.ins.size()));
    return operand && countable(*operand) ? rectangle.elements(*operand) : MaybeRange();
  }

  MaybeRange rangeOf(AffineExpr e) {
    if (auto c = dyn_cast<AffineConstantExpr>(e)) return exactly(a.number(c.getValue()));
    if (auto s = dyn_cast<AffineSymbolExpr>(e))
      return dimension(parse_dim(kernel.symbols[s.getPosition()]));
    if (auto d = dyn_cast<AffineDimExpr>(e)) return rectangle.digit(int(d.getPosition()));
    auto binary = cast<AffineBinaryOpExpr>(e);
    MaybeRange x = rangeOf(binary.getLHS()), y = rangeOf(binary.getRHS());
    switch (e.getKind()) {
      case AffineExprKind::Add: return with(x, y, &Arithmetic::plus);
      case AffineExprKind::Mul: return with(x, y, &Arithmetic::corners<arith::MulIOp>);
      case AffineExprKind::Mod: {  // of a roll: its shift is not negative where it is known
        auto roll = dyn_cast<AffineConstantExpr>(binary.getRHS());
        if (!x || !y) return {};
        if (!roll) return Range{a.number(0), a.apply<arith::SubIOp>(y->low, a.number(1))};
        return a.digit(*x, y->low);
      }
      default: return {};
    }
  }
};

bool isTruth(Value x, bool value) {
  APInt constant;
  return matchPattern(x, m_ConstantInt(&constant)) && constant.getBoolValue() == value;
}

}  // namespace

std::optional<Verdict> judgeMask(const Kernel& kernel, Region& mask, const Rectangle& rectangle) {
  MaybeVerdict verdict =
      Judge(kernel, rectangle).verdict(mask.front().getTerminator()->getOperand(0));
  if (verdict && isTruth(verdict->may, true) && isTruth(verdict->must, false)) return {};
  return verdict;
}

std::vector<Range> digitRanges(OpBuilder& builder, Range whole, ArrayRef<Value> extents) {
  Arithmetic a{builder, builder.getUnknownLoc()};
  std::vector<Range> digits(extents.size());
  for (size_t n = extents.size(); n-- > 1;) digits[n] = a.digit(whole, extents[n]);
  if (!digits.empty()) digits[0] = whole;
  return digits;
}

}  // namespace heed::tile
