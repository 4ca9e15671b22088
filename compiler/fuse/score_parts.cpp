#include "heed/compiler/fuse/score_parts.h"

namespace heed::fuse {

ExpressionPtr withoutFactor(const ExpressionPtr& e, double& factor) {
  if (e->name != "heed.mul") return {};
  for (int side : {0, 1})
    if (e->operands[side]->kind == Expression::constant) {
      factor *= e->operands[side]->number;
      return e->operands[1 - side];
    }
  return {};
}

ExpressionPtr withoutWidening(const ExpressionPtr& e) {
  if (e->name != "heed.cast" || !e->type.isF32()) return {};
  const ExpressionPtr& x = e->operands[0];
  return x->kind == Expression::load && (x->type.isF16() || x->type.isBF16()) ? x : ExpressionPtr();
}

namespace {

bool isMinusInfinity(const ExpressionPtr& e) {
  return e->kind == Expression::constant && e->number < -3e38;
}
bool isZero(const ExpressionPtr& e) { return e->kind == Expression::constant && e->number == 0; }

class Taker {
 public:
  Taker(Expression* leaf, mlir::Type boolean) : leaf_(leaf), boolean_(boolean) {}

  ScoreParts parts;

  ExpressionPtr strip(const ExpressionPtr& e) {
    if (e->kind != Expression::apply) return e;
    if (ExpressionPtr value = withoutMask(e)) return strip(value);
    if (ExpressionPtr inner = withoutPositiveFactor(e)) return inner;
    return e->name == "heed.add" ? stripSum(e) : e;
  }

 private:
  Expression* leaf_;
  mlir::Type boolean_;

  bool holdsLeaf(const ExpressionPtr& e) {
    bool found = false;
    visit(e, [&](Expression& x) { found |= &x == leaf_; });
    return found;
  }

  // The other value of a where() that gives -inf; its condition joins the mask.
  ExpressionPtr withoutMask(const ExpressionPtr& e) {
    if (e->name != "heed.where") return {};
    for (int dead : {2, 1}) {
      const ExpressionPtr &condition = e->operands[0], &value = e->operands[3 - dead];
      if (!isMinusInfinity(e->operands[dead]) || holdsLeaf(condition)) continue;
      join(dead == 2 ? condition : applyExpression("heed.logical_not", {condition}, boolean_));
      return value;
    }
    return {};
  }
  void join(const ExpressionPtr& condition) {
    parts.mask = parts.mask ? applyExpression("heed.logical_and", {parts.mask, condition}, boolean_)
                            : condition;
  }

  ExpressionPtr withoutPositiveFactor(const ExpressionPtr& e) {
    double factor = 1;
    ExpressionPtr inner = withoutFactor(e, factor);
    if (!inner || factor <= 0) return {};
    inner = strip(inner);
    if (inner.get() != leaf_)
      return applyExpression("heed.mul", {inner, constantExpression(factor, e->type)}, e->type);
    parts.scale *= factor;
    return inner;
  }

  ExpressionPtr stripSum(const ExpressionPtr& e) {
    ExpressionPtr x = stripTerm(e->operands[0]), y = stripTerm(e->operands[1]);
    if (isZero(x)) return y;
    return isZero(y) ? x : applyExpression("heed.add", {x, y}, e->type);
  }
  ExpressionPtr stripTerm(const ExpressionPtr& e) {
    if (holdsLeaf(e)) return strip(e);
    if (ExpressionPtr value = withoutMask(e)) return value;
    return e->name == "heed.add" ? stripSum(e) : e;
  }
};

}  // namespace

ScoreParts takeApart(const ExpressionPtr& score, Expression* leaf, mlir::Type boolean) {
  Taker taker(leaf, boolean);
  taker.parts.score = taker.strip(score);
  return taker.parts;
}

}  // namespace heed::fuse
