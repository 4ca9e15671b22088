// 1. The conjunction is flattened, negations moving inwards. 2. Both sides of each comparison are
// read as sums. 3. Their difference, ≥ 0, is a limit where it contains the key once and the query
// by one digit.
#include "heed/compiler/lower/tile/masks.h"

#include "heed/compiler/lower/tile/access.h"
#include "heed/compiler/lower/tile/regions.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace heed::tile {

namespace {

class Classifier {
 public:
  explicit Classifier(const Kernel& kernel) : kernel(kernel) {}

  MaskClasses classes;

  std::optional<int64_t> stepAlongKeys(Value x) {
    Sum sum = sumOf(x);
    return sum ? takeRole(*sum, 'j') : std::nullopt;
  }

  void conjunct(Value condition, bool negated = false) {
    if (auto inner = condition.getDefiningOp<ir::LogicalNotOp>())
      return conjunct(inner.getX(), !negated);
    if (isBoth(condition, negated)) {
      for (Value x : condition.getDefiningOp()->getOperands()) conjunct(x, negated);
      return;
    }
    std::vector<Sum> sums = inequalities(condition, negated);
    bool known = !sums.empty();
    for (const Sum& sum : sums) {
      KeyBound bound;
      known &= limit(sum, bound) && (classes.bounds.push_back(bound), true);
    }
    KeyBound any;
    if (!known && disjunct(condition, negated, any)) {
      classes.bounds.push_back(any);
      known = true;
    }
    classes.complete &= known;
  }

 private:
  using Sum = std::optional<IntegerSum>;
  const Kernel& kernel;

  IntegerSum number(const Dim& value) {
    return {value, std::vector<int64_t>(kernel.digits.size()), {}};
  }

  Sum plus(const Sum& x, const Sum& y, int64_t factor) {
    if (!x || !y) return {};
    IntegerSum sum = *x;
    sum.constant = sum.constant + y->constant * Dim(factor);
    for (auto [mine, its] : llvm::zip(sum.digits, y->digits)) mine += factor * its;
    for (auto [operand, its] : y->elements) sum.elements.push_back({operand, factor * its});
    return sum;
  }

  Sum times(const Sum& x, const Sum& y) {
    if (!x || !y) return {};
    auto isNumber = [&](const Sum& s) {
      return s->constant.is_static() && s->elements.empty() &&
             llvm::all_of(s->digits, [](int64_t f) { return f == 0; });
    };
    if (isNumber(y)) return plus(number(Dim(0)), x, y->constant.constant);
    return isNumber(x) ? times(y, x) : Sum();
  }

  Sum sumOf(AffineExpr e) {
    if (auto c = dyn_cast<AffineConstantExpr>(e)) return number(Dim(c.getValue()));
    if (auto s = dyn_cast<AffineSymbolExpr>(e)) {
      auto dim = parse_dim(kernel.symbols[s.getPosition()]);
      return dim ? Sum(number(*dim)) : Sum();
    }
    if (auto d = dyn_cast<AffineDimExpr>(e)) {
      IntegerSum sum = number(Dim(0));
      sum.digits[d.getPosition()] = 1;
      return sum;
    }
    auto binary = cast<AffineBinaryOpExpr>(e);
    if (e.getKind() == AffineExprKind::Add)
      return plus(sumOf(binary.getLHS()), sumOf(binary.getRHS()), 1);
    if (e.getKind() == AffineExprKind::Mul)
      return times(sumOf(binary.getLHS()), sumOf(binary.getRHS()));
    return {};
  }

  // An operand's element that is the same for all keys and queries.
  Sum elementOf(BlockArgument argument) {
    auto operand = operandOf(argument, attention_captured, int(kernel.ins.size()));
    if (!operand) return {};
    const Access& access = kernel.ins[*operand];
    bool uniform =
        strideAlong(kernel, access, 'i') == Dim(0) && strideAlong(kernel, access, 'j') == Dim(0);
    if (!is_integer(access.dtype) || access.fill || !uniform) return {};
    IntegerSum sum = number(Dim(0));
    sum.elements.push_back({*operand, 1});
    return sum;
  }

  Sum sumOf(Value x) {
    if (!x.getType().isIntOrIndex() || x.getType().isInteger(1)) return {};
    if (auto argument = dyn_cast<BlockArgument>(x)) return elementOf(argument);
    return llvm::TypeSwitch<Operation*, Sum>(x.getDefiningOp())
        .Case<ir::CoordinateOp>([&](auto op) { return sumOf(op.getMap().getResult(0)); })
        .Case<ir::ConstantOp>(
            [&](auto op) { return number(Dim(int64_t(op.getValue().convertToDouble()))); })
        .Case<ir::ExtentOp>([&](auto op) {
          auto dim = parse_dim(op.getDim());
          return dim ? Sum(number(*dim)) : Sum();
        })
        .Case<ir::CastOp>([&](auto op) { return sumOf(op.getX()); })
        .Case<ir::AddOp>([&](auto op) { return plus(sumOf(op.getX()), sumOf(op.getY()), 1); })
        .Case<ir::SubOp>([&](auto op) { return plus(sumOf(op.getX()), sumOf(op.getY()), -1); })
        .Case<ir::NegOp>([&](auto op) { return plus(number(Dim(0)), sumOf(op.getX()), -1); })
        .Case<ir::MulOp>([&](auto op) { return times(sumOf(op.getX()), sumOf(op.getY())); })
        .Default([](Operation*) { return Sum(); });
  }

  // A conjunction, as it stands or by de Morgan.
  static bool isBoth(Value condition, bool negated) {
    Operation* op = condition.getDefiningOp();
    return op && (negated ? isa<ir::LogicalOrOp>(op) : isa<ir::LogicalAndOp>(op));
  }

  // Sums that are all ≥ 0 where the comparison holds; none where it is no conjunction of such.
  std::vector<Sum> inequalities(Value condition, bool negated) {
    Operation* op = condition.getDefiningOp();
    if (!isa_and_nonnull<ir::LeOp, ir::LtOp, ir::GeOp, ir::GtOp, ir::EqOp, ir::NeOp>(op)) return {};
    Sum x = sumOf(op->getOperand(0)), y = sumOf(op->getOperand(1)), one = number(Dim(1));
    if (isa<ir::LeOp>(op)) return {negated ? plus(plus(x, y, -1), one, -1) : plus(y, x, -1)};
    if (isa<ir::GeOp>(op)) return {negated ? plus(plus(y, x, -1), one, -1) : plus(x, y, -1)};
    if (isa<ir::LtOp>(op)) return {negated ? plus(x, y, -1) : plus(plus(y, x, -1), one, -1)};
    if (isa<ir::GtOp>(op)) return {negated ? plus(y, x, -1) : plus(plus(x, y, -1), one, -1)};
    if (isa<ir::EqOp>(op) == negated) return {};
    return {plus(x, y, -1), plus(y, x, -1)};
  }

  // Adds the limits of a disjunction that bounds keys from one side.
  bool disjunct(Value condition, bool negated, KeyBound& bound) {
    if (auto inner = condition.getDefiningOp<ir::LogicalNotOp>())
      return disjunct(inner.getX(), !negated, bound);
    if (isBoth(condition, !negated))
      return llvm::all_of(condition.getDefiningOp()->getOperands(),
                          [&](Value x) { return disjunct(x, negated, bound); });
    std::vector<Sum> sums = inequalities(condition, negated);
    return sums.size() == 1 && limit(sums[0], bound);
  }

  // The factor of the role's linear index, which the sum then no longer contains.
  std::optional<int64_t> takeRole(IntegerSum& sum, char role) {
    int only = innermost(kernel, role);
    int64_t factor = only < 0 ? 0 : sum.digits[only];
    for (int digit : kernel.withRole(role)) {
      bool one = kernel.digits[digit].extent == Dim(1);
      if (digit != only && !one && (factor || sum.digits[digit])) return {};
      sum.digits[digit] = 0;
    }
    return factor;
  }

  bool limit(Sum sum, KeyBound& bound) {
    if (!sum) return false;
    auto key = takeRole(*sum, 'j'), query = takeRole(*sum, 'i');
    if (!key || !query || (*key != 1 && *key != -1)) return false;
    if (!bound.limits.empty() && bound.below != (*key == 1)) return false;
    bound.below = *key == 1;
    bound.limits.push_back({*query, *sum});
    return true;
  }
};

}  // namespace

MaskClasses classifyMask(const Kernel& kernel, Region& mask) {
  Classifier classifier(kernel);
  if (!mask.empty()) classifier.conjunct(mask.front().getTerminator()->getOperand(0));
  return classifier.classes;
}

std::optional<int64_t> stepAlongKeys(const Kernel& kernel, Value x) {
  return Classifier(kernel).stepAlongKeys(x);
}

// key ≥ -(c·query + rest) or key ≤ c·query + rest: linear, so the ends are the extremes. Of several
// limits the widest counts.
KeyRanges keyRanges(Emitter& e, const MaskClasses& mask, Value first, Value end, Value keys,
                    llvm::function_ref<Value(const IntegerSum&)> valueOf) {
  KeyRanges range{e.constant(0), keys, e.constant(0), keys};
  for (const KeyBound& bound : mask.bounds) {
    Value alive, full;
    for (const KeyLimit& limit : bound.limits) {
      Value rest = valueOf(limit.rest);
      Value x = e.add(rest, e.mul(first, limit.perQuery));
      Value y = e.add(rest, e.mul(e.sub(end, e.constant(1)), limit.perQuery));
      Value most = e.max(x, y), least = e.min(x, y);
      alive = alive ? e.max(alive, most) : most;
      full = full ? e.max(full, least) : least;
    }
    if (bound.below) {
      range.low = e.max(range.low, e.sub(e.constant(0), alive));
      range.fullLow = e.max(range.fullLow, e.sub(e.constant(0), full));
    } else {
      range.high = e.min(range.high, e.add(alive, 1));
      range.fullHigh = e.min(range.fullHigh, e.add(full, 1));
    }
  }
  return range;
}

}  // namespace heed::tile
