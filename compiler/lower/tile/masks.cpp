// 1. The conjunction is flattened. 2. Both sides of each comparison are read as sums. 3. Their difference, ≥ 0, is a
// bound where it contains the key once and the query by one digit.
#include "heed/compiler/lower/tile/masks.h"

#include "heed/compiler/lower/tile/access.h"
#include "heed/compiler/lower/tile/regions.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace heed::tile {

namespace {

constexpr int first_captured = 3;

class Classifier {
 public:
  Classifier(const Kernel& kernel, Region& mask) : kernel(kernel), mask(mask) {}

  MaskClasses classes;

  void conjunct(Value condition) {
    if (auto both = condition.getDefiningOp<ir::LogicalAndOp>()) {
      conjunct(both.getX());
      conjunct(both.getY());
    } else if (!comparison(condition.getDefiningOp())) {
      classes.complete = false;
    }
  }

 private:
  using Sum = std::optional<IntegerSum>;
  const Kernel& kernel;
  Region& mask;

  IntegerSum number(const Dim& value) { return {value, std::vector<int64_t>(kernel.digits.size()), {}}; }

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
      return s->constant.is_static() && s->elements.empty() && llvm::all_of(s->digits, [](int64_t f) { return f == 0; });
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
    if (e.getKind() == AffineExprKind::Add) return plus(sumOf(binary.getLHS()), sumOf(binary.getRHS()), 1);
    if (e.getKind() == AffineExprKind::Mul) return times(sumOf(binary.getLHS()), sumOf(binary.getRHS()));
    return {};
  }

  // An operand's element that is the same for all keys and queries.
  Sum elementOf(BlockArgument argument) {
    int captures = int(kernel.ins.size()) - first_captured;
    int operand = first_captured + int(argument.getArgNumber()) - (int(mask.getNumArguments()) - captures);
    if (operand < first_captured) return {};
    const Access& access = kernel.ins[operand];
    bool uniform = strideAlong(kernel, access, 'i') == Dim(0) && strideAlong(kernel, access, 'j') == Dim(0);
    if (!is_integer(access.dtype) || access.fill || !uniform) return {};
    IntegerSum sum = number(Dim(0));
    sum.elements.push_back({operand, 1});
    return sum;
  }

  Sum sumOf(Value x) {
    if (!x.getType().isIntOrIndex() || x.getType().isInteger(1)) return {};
    if (auto argument = dyn_cast<BlockArgument>(x)) return elementOf(argument);
    return llvm::TypeSwitch<Operation*, Sum>(x.getDefiningOp())
        .Case<ir::CoordinateOp>([&](auto op) { return sumOf(op.getMap().getResult(0)); })
        .Case<ir::ConstantOp>([&](auto op) { return number(Dim(int64_t(op.getValue().convertToDouble()))); })
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

  bool comparison(Operation* op) {
    if (!isa_and_nonnull<ir::LeOp, ir::LtOp, ir::GeOp, ir::GtOp, ir::EqOp>(op)) return false;
    Sum x = sumOf(op->getOperand(0)), y = sumOf(op->getOperand(1)), one = number(Dim(1));
    if (isa<ir::LeOp>(op)) return bound(plus(y, x, -1));
    if (isa<ir::GeOp>(op)) return bound(plus(x, y, -1));
    if (isa<ir::LtOp>(op)) return bound(plus(plus(y, x, -1), one, -1));
    if (isa<ir::GtOp>(op)) return bound(plus(plus(x, y, -1), one, -1));
    return bound(plus(x, y, -1)) && bound(plus(y, x, -1));
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

  bool bound(Sum sum) {
    if (!sum) return false;
    auto key = takeRole(*sum, 'j'), query = takeRole(*sum, 'i');
    if (!key || !query || (*key != 1 && *key != -1)) return false;
    classes.bounds.push_back({*key == 1, *query, *sum});
    return true;
  }
};

}  // namespace

MaskClasses classifyMask(const Kernel& kernel, Region& mask) {
  Classifier classifier(kernel, mask);
  if (!mask.empty()) classifier.conjunct(mask.front().getTerminator()->getOperand(0));
  return classifier.classes;
}

}  // namespace heed::tile
