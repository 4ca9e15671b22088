// Recognises attention, once: softmax whose operand is elementwise work over a contraction q kᵀ,
// and whose result meets v through layout ops only. 1: constant factors of q and k move to the
// score, before any producer's epilogue claims them. 2: the walk `pull` finds the score contraction
// under the softmax. 3: the value contraction is marked {heed.attention}; form_kernels builds the
// kernel there. A chain that looks like attention and is not gets a remark.
#include "heed/compiler/fuse/attention_chain.h"
#include "heed/compiler/fuse/choose_buffers.h"
#include "heed/compiler/fuse/layouts.h"
#include "heed/compiler/fuse/passes.h"
#include "heed/compiler/fuse/score_parts.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Iterators.h"

using namespace mlir;

namespace heed {
namespace fuse {

static bool isReturn(Operation* op) { return isa<func::ReturnOp, ir::YieldOp>(op); }

// The only user that is not a return; null where there are several.
static Operation* onlyUser(Value v) {
  Operation* found = nullptr;
  for (Operation* user : v.getUsers()) {
    if (isReturn(user) || user == found) continue;
    if (found) return nullptr;
    found = user;
  }
  return found;
}

ir::MatmulOp valueContraction(ir::SoftmaxOp softmax) {
  Value v = softmax.getResult();
  for (Operation* user = onlyUser(v); user; user = onlyUser(v)) {
    if (auto matmul = dyn_cast<ir::MatmulOp>(user))
      return matmul.getA() == v ? matmul : ir::MatmulOp();
    if (!isa<ir::ReshapeOp, ir::PermuteOp>(user)) return {};
    v = user->getResult(0);
  }
  return {};
}

bool feedsScoresOnly(Value v, llvm::function_ref<bool(ir::SoftmaxOp)> ofScores) {
  return llvm::all_of(v.getUsers(), [&](Operation* user) {
    if (user->getBlock() != v.getParentBlock()) return false;
    if (auto softmax = dyn_cast<ir::SoftmaxOp>(user)) return ofScores(softmax);
    bool passes = ir::isScalarOp(user) || (ir::isLayoutOp(user) && !isa<ir::ConcatOp>(user));
    return passes && feedsScoresOnly(user->getResult(0), ofScores);
  });
}

std::optional<AttentionChain> attentionChain(ir::MatmulOp value, Domain& domain,
                                             const Coordinates& at,
                                             const std::function<bool(Value)>& hasBuffer,
                                             const std::function<bool(Operation*)>& isLookup,
                                             std::string& why) {
  auto isAnchor = [](Operation* op) {
    return isa<ir::MatmulOp, ir::SoftmaxOp, ir::Conv2dOp, ir::NormalizeOp, ir::GatherOp, ir::SumOp,
               ir::MeanOp, ir::MaxOp, ir::MinOp>(op);
  };
  AttentionChain chain;
  Shape weights = ir::shapeOf(value.getA());
  chain.key = domain.fresh(weights[-1]);
  Coordinates a = contractionBatch(at, weights),
              b = contractionBatch(at, ir::shapeOf(value.getB()));
  a.push_back(at[at.size() - 2]);
  a.push_back(chain.key);
  b.push_back(chain.key);
  b.push_back(at.back());
  chain.value = b;

  Puller toSoftmax(domain, [](Value) { return false; }, isAnchor);
  ExpressionPtr p = toSoftmax.pull(value.getA(), a);
  auto softmax = p->kind == Expression::anchor ? dyn_cast<ir::SoftmaxOp>(p->op) : ir::SoftmaxOp();
  if (!softmax || !toSoftmax.conflicts().empty()) {
    why = "expected only layout ops between the softmax and the values";
    return {};
  }
  chain.softmax = softmax;
  chain.weights = p->coordinates;
  int64_t axis = softmax.getAxis();
  if (axis < 0) axis += p->coordinates.size();
  if (!(domain.normal(p->coordinates[axis]) == domain.normal(chain.key))) {
    why = "expected the softmax along the keys";
    return {};
  }

  chain.puller = std::make_shared<Puller>(domain, hasBuffer, isAnchor, isLookup);
  chain.score = chain.puller->pull(softmax.getX(), p->coordinates);
  Expression* found = nullptr;
  visit(chain.score, [&](Expression& e) {
    auto matmul = e.kind == Expression::anchor ? dyn_cast<ir::MatmulOp>(e.op) : ir::MatmulOp();
    if (!matmul || found) return;
    if (domain.normal(e.coordinates.back()) == domain.normal(chain.key)) found = &e;
  });
  if (!found) {
    why = "expected the scores to come from a contraction whose columns are the keys";
    return {};
  }
  chain.scoreLeaf = found;
  chain.scoreContraction = cast<ir::MatmulOp>(found->op);
  chain.feature = domain.fresh(ir::shapeOf(chain.scoreContraction.getA())[-1]);
  const Coordinates& c = found->coordinates;
  chain.query = contractionBatch(c, ir::shapeOf(chain.scoreContraction.getA()));
  chain.query.push_back(c[c.size() - 2]);
  chain.query.push_back(chain.feature);
  chain.keys = contractionBatch(c, ir::shapeOf(chain.scoreContraction.getB()));
  chain.keys.push_back(chain.feature);
  chain.keys.push_back(c.back());
  return chain;
}

Coordinates contractionBatch(const Coordinates& result, const Shape& operand) {
  Coordinates batch(result.end() - operand.rank, result.end() - 2);
  for (size_t i = 0; i < batch.size(); ++i)
    if (operand.dims[i] == Dim(1)) batch[i].clear();
  return batch;
}

}  // namespace fuse

namespace {

using namespace fuse;

// x where op is x·c or x/c with a scalar constant c; multiplies `factor`.
Value stripFactor(Operation* op, double& factor) {
  auto constantOf = [](Value v) { return v.getDefiningOp<ir::ConstantOp>(); };
  if (auto mul = dyn_cast<ir::MulOp>(op)) {
    for (int side : {0, 1})
      if (auto c = constantOf(op->getOperand(side))) {
        factor *= c.getValue().convertToDouble();
        return op->getOperand(1 - side);
      }
  }
  return {};
}

// Bypasses constant factors on the way from `operand` back through layout ops that nobody else
// reads.
void liftFactors(OpOperand* operand, double& factor) {
  for (;;) {
    Operation* op = operand->get().getDefiningOp();
    if (!op || !op->hasOneUse()) return;
    if (Value inner = stripFactor(op, factor)) {
      if (inner.getType() != operand->get().getType()) return;
      operand->set(inner);
    } else if (isa<ir::ReshapeOp, ir::PermuteOp, ir::SliceOp, ir::RollOp, ir::BroadcastOp>(op)) {
      operand = &op->getOpOperand(0);
    } else {
      return;
    }
  }
}

struct FormAttention : PassWrapper<FormAttention, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FormAttention)
  explicit FormAttention(Target target = {}) : target(std::move(target)) {}
  StringRef getArgument() const final { return "heed-form-attention"; }
  StringRef getDescription() const final { return "softmax(score(q k^T)) v chains are recognised"; }

  void runOnOperation() final {
    if (target.tuning.attention.fuse == false) return;
    lookups.clear();
    getOperation().walk([&](ir::SoftmaxOp softmax) {
      ir::MatmulOp value = valueContraction(softmax);
      if (!value) return;
      std::string why;
      if (!recognise(value, softmax, why)) softmax.emitRemark("not fused as attention: ") << why;
    });
    auto isFused = [](ir::SoftmaxOp softmax) { return softmax->hasAttr("heed.attention"); };
    for (Operation* gather : lookups)
      if (feedsScoresOnly(gather->getResult(0), isFused))
        gather->setAttr(in_scores, UnitAttr::get(&getContext()));
    // Factors that moved left their multiplications behind.
    getOperation().walk<WalkOrder::PostOrder, ReverseIterator>([](Operation* op) {
      if (isOpTriviallyDead(op)) op->erase();
    });
  }

  bool recognise(ir::MatmulOp value, ir::SoftmaxOp softmax, std::string& why) {
    Domain domain;
    Coordinates at;
    // What depends on parameters alone is looked up once, when they are bound.
    auto isLookup = [&](Operation* gather) {
      return gather->getBlock() == softmax->getBlock() &&
             !dependsOnParametersOnly(gather->getResult(0));
    };
    Shape out = ir::shapeOf(value.getResult());
    for (int axis = 0; axis < out.rank; ++axis) at.push_back(domain.fresh(out.dims[axis]));
    auto chain = attentionChain(value, domain, at, [](Value) { return false; }, isLookup, why);
    if (!chain) return false;
    if (value->getBlock() != softmax->getBlock() ||
        chain->scoreContraction->getBlock() != softmax->getBlock()) {
      why = "expected scores and values to be computed in the same loop";
      return false;
    }
    // The scores never exist as a tensor, so nobody else may read them.
    for (Value v = chain->scoreContraction.getResult(); v != softmax.getX();) {
      if (!v.hasOneUse()) {
        why = "expected the scores to have no other user";
        return false;
      }
      v = (*v.getUsers().begin())->getResult(0);
    }
    if (!softmax.getX().hasOneUse()) {
      why = "expected the scores to have no other user";
      return false;
    }
    ScoreParts parts =
        takeApart(chain->score, chain->scoreLeaf, IntegerType::get(&getContext(), 1));
    visit(chain->score, [&](Expression& e) {
      if (e.kind == Expression::lookup) lookups.insert(e.op);
    });
    double factor = 1;
    liftFactors(&chain->scoreContraction->getOpOperand(0), factor);
    liftFactors(&chain->scoreContraction->getOpOperand(1), factor);
    if (factor != 1) scaleScores(chain->scoreContraction, factor);
    value->setAttr("heed.attention", UnitAttr::get(&getContext()));
    softmax->setAttr("heed.attention", UnitAttr::get(&getContext()));
    chain->scoreContraction->setAttr("heed.attention_score", UnitAttr::get(&getContext()));
    return true;
  }

  llvm::SetVector<Operation*> lookups;  // gathers found in scores and masks

  Target target;

  void scaleScores(ir::MatmulOp scores, double factor) {
    OpBuilder b(scores->getContext());
    b.setInsertionPointAfter(scores);
    auto type = cast<RankedTensorType>(scores.getResult().getType());
    Value c =
        ir::ConstantOp::create(b, scores.getLoc(), RankedTensorType::get({}, type.getElementType()),
                               b.getF64FloatAttr(factor));
    auto scaled = ir::MulOp::create(b, scores.getLoc(), type, scores.getResult(), c);
    scores.getResult().replaceAllUsesExcept(scaled.getResult(), scaled);
  }
};

}  // namespace

std::unique_ptr<Pass> createFormAttention(Target target) {
  return std::make_unique<FormAttention>(std::move(target));
}

}  // namespace heed
