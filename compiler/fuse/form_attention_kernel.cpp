// The kernel of a chain that form_attention.cpp has marked.
#include "heed/compiler/fuse/kernel_former.h"
#include "heed/compiler/fuse/attention_chain.h"
#include "heed/compiler/fuse/layouts.h"
#include "heed/compiler/fuse/score_parts.h"

using namespace mlir;

namespace heed::fuse {

FailureOr<Operation*> KernelFormer::attention(ir::MatmulOp op, Domain& domain, Value v,
                                              const Coordinates& at, const ExpressionPtr& root,
                                              Expression* anchor, std::vector<Value>& conflicts) {
  auto hasBuffer = [&](Value x) {
    return (buffers_.contains(x) && x != v && !insideAttention(x.getDefiningOp())) || isOuter(x, v);
  };
  std::string why;
  auto isLookup = [](Operation* gather) { return gather->hasAttr(in_scores); };
  auto chain = attentionChain(op, domain, anchor->coordinates, hasBuffer, isLookup, why);
  if (!chain) return op.emitError("recognised as attention, but ") << why;
  Puller& puller = *chain->puller;
  ExpressionPtr q = puller.pull(chain->scoreContraction.getA(), chain->query);
  ExpressionPtr k = puller.pull(chain->scoreContraction.getB(), chain->keys);
  ExpressionPtr value = puller.pull(op.getB(), chain->value);
  ScoreParts parts = takeApart(chain->score, chain->scoreLeaf, b_.getI1Type());
  for (auto [operand, e] : {std::pair<Value, ExpressionPtr*>{chain->scoreContraction.getA(), &q},
                            {chain->scoreContraction.getB(), &k}})
    while (ExpressionPtr inner = withoutFactor(*e, parts.scale)) *e = inner;
  for (ExpressionPtr* e : {&q, &k, &value})
    if (ExpressionPtr stored = withoutWidening(*e)) *e = stored;
  if (!isPlainLoad(q) || q->fill) puller.conflict(chain->scoreContraction.getA());
  if (!isPlainLoad(k) || k->fill) puller.conflict(chain->scoreContraction.getB());
  if (!isPlainLoad(value) || value->fill) puller.conflict(op.getB());
  visit(chain->score, [&](Expression& e) {
    if (e.kind == Expression::anchor && &e != chain->scoreLeaf) puller.conflict(e.value);
  });
  conflicts = puller.conflicts();
  if (!conflicts.empty()) return static_cast<Operation*>(nullptr);

  KernelBuilder kernel = builder(domain);
  const Coordinates& c = anchor->coordinates;
  kernel.role('b', Coordinates(c.begin(), c.end() - 2));
  kernel.role('i', c[c.size() - 2]);
  kernel.role('j', chain->key);
  kernel.role('e', chain->feature);
  kernel.role('d', c.back());
  for (const ExpressionPtr& e : {q, k, value}) kernel.principal(e);
  kernel.region(parts.score, {chain->scoreLeaf}, {chain->scoreLeaf->type});
  kernel.region(parts.mask, {}, {});
  kernel.region(root, {anchor}, {anchor->type});
  kernel.result(v, at);
  Value weights = chain->softmax.getResult();
  bool wanted = buffers_.contains(weights);
  if (wanted) kernel.result(weights, chain->weights);
  Operation* result = kernel.build("heed.attention", v.getLoc(),
                                   {b_.getNamedAttr("scale", b_.getF64FloatAttr(parts.scale))});
  if (wanted) formed_[weights] = result->getResult(1);
  return result;
}

}  // namespace heed::fuse
