// Matrix products and convolutions: one kernel kind.
#include "heed/compiler/fuse/kernel_former.h"
#include "heed/compiler/fuse/attention_chain.h"
#include "heed/compiler/fuse/layouts.h"

using namespace mlir;

namespace heed::fuse {

void KernelFormer::contractionRoles(KernelBuilder& kernel, Domain& domain,
                                    const Coordinates& result, const Coordinates& a,
                                    const Coordinates& b, const Coordinates& reduced) {
  auto digits = [&](const Coordinates& coordinates) {
    std::vector<int> ids;
    for (const Coordinate& c : domain.normal(coordinates)) digitsOf(c, ids);
    return ids;
  };
  std::vector<int> inA = digits(a), inB = digits(b), all = digits(result), k = digits(reduced);
  auto in = [](const std::vector<int>& ids, int id) { return llvm::is_contained(ids, id); };
  for (int id : all)
    if (in(inA, id) && in(inB, id) && !in(k, id)) kernel.role('b', id);
  for (int id : all)
    if (!in(inB, id) && !in(k, id)) kernel.role('m', id);
  for (int id : all)
    if (in(inB, id) && !in(k, id)) kernel.role('n', id);
  for (int id : k) kernel.role('k', id);
}

bool KernelFormer::answersOutside(Domain& domain, const ExpressionPtr& load, const Coordinates& at,
                                  const Shape& shape) {
  if (!isPlainLoad(load) || load->fill) return false;
  for (auto [axis, c] : llvm::enumerate(at))
    if (c.size() == 1 && c[0].kind == Piece::sum &&
        !keepsBounds(domain, *load, c, shape.dims[axis]))
      return false;
  return true;
}

FailureOr<Operation*> KernelFormer::contractKernel(Domain& domain, const Computed& computed,
                                                   const Coordinates& c, const Coordinate& part,
                                                   Puller& puller, Value a, const Coordinates& ca,
                                                   Value b, const Coordinates& cb,
                                                   const Coordinates& k, std::optional<double> fill,
                                                   std::vector<Value>& conflicts) {
  ExpressionPtr left = puller.pull(a, ca), right = puller.pull(b, cb);
  if (fill && !answersOutside(domain, left, ca, ir::shapeOf(a))) puller.conflict(a);
  if (!isPlainLoad(right)) puller.conflict(b);
  visit(left, [&](Expression& e) {
    if (e.kind == Expression::anchor) puller.conflict(e.value);
  });
  Expression* first = nullptr;  // what the prologue transforms
  visit(left, [&](Expression& e) {
    if (e.kind == Expression::load && !first) first = &e;
  });
  if (!first) puller.conflict(a);
  conflicts = puller.conflicts();
  if (!conflicts.empty()) return static_cast<Operation*>(nullptr);
  KernelBuilder kernel = builder(domain);
  Coordinates result = domain.normal(c);
  result.insert(result.end(), computed.at.begin(), computed.at.end());
  kernel.role('p', part);
  // b as it lies, not as it is broadcast
  contractionRoles(kernel, domain, result, ca, right->coordinates, k);
  auto leading = std::make_shared<Expression>(*first);
  if (fill) leading->fill = fill;
  kernel.principal(leading);
  kernel.principal(right);
  kernel.region(left, {first}, {first->type});
  std::vector<Value> values = computed.values;
  std::vector<ExpressionPtr> roots = computed.roots;
  for (auto [v, root] : llvm::zip(computed.values, computed.roots)) {
    values.insert(values.end(), timesMore(v), v);
    roots.insert(roots.end(), timesMore(v), root);
  }
  std::vector<Type> types(computed.anchors.size(), computed.anchors.front()->type);
  kernel.region(roots, computed.anchors, types);
  for (Value v : values) kernel.result(v, computed.at);
  return kernel.build("heed.contract", values.front().getLoc());
}

// A part's columns are a constant digit, then those that the parts have in common.
FailureOr<Operation*> KernelFormer::contract(ir::MatmulOp op, Domain& domain, Computed& computed,
                                             Puller& puller, std::vector<Value>& conflicts) {
  Coordinates c = computed.anchors.front()->coordinates;
  Coordinate part;
  if (computed.anchors.size() > 1) {
    llvm::sort(computed.anchors, [](Expression* x, Expression* y) {
      return x->coordinates.back().front().value.constant <
             y->coordinates.back().front().value.constant;
    });
    part = domain.fresh(Dim(int64_t(computed.anchors.size())));
    c.back().front() = part.front();
  }
  Shape a = ir::shapeOf(op.getA()), b = ir::shapeOf(op.getB());
  Coordinate k = domain.fresh(a[-1]);
  Coordinates ca = contractionBatch(c, a), cb = contractionBatch(c, b);
  ca.push_back(c[c.size() - 2]);
  ca.push_back(k);
  cb.push_back(k);
  cb.push_back(c.back());
  return contractKernel(domain, computed, c, part, puller, op.getA(), ca, op.getB(), cb, {k}, {},
                        conflicts);
}

FailureOr<Operation*> KernelFormer::convolution(Operation* op, Domain& domain,
                                                const Computed& computed, Puller& puller,
                                                std::vector<Value>& conflicts) {
  Value x = op->getOperand(0), w = op->getOperand(1);
  Shape image = ir::shapeOf(x), kernel = ir::shapeOf(w);
  auto step = [&](StringRef name, int axis) { return convolutionStep(op, name, axis); };
  Coordinates c = computed.anchors.front()->coordinates;
  Coordinate group, channel = domain.fresh(kernel[1]);
  if (int64_t groups = op->getAttrOfType<IntegerAttr>("groups").getInt(); groups != 1) {
    auto parts = domain.cut(c[1], Dim(kernel[0].constant / groups));
    if (!parts) return op->emitError("expected output channels that split into groups");
    group = parts->first;
  }
  Coordinate in = group;
  in.insert(in.end(), channel.begin(), channel.end());
  Coordinates ca{c[0], in}, cb{c[1], channel}, reduced{channel};
  std::optional<double> fill;
  for (int axis = 2; axis < image.rank; ++axis) {
    Coordinate tap = domain.fresh(kernel[axis]);
    ca.push_back(sumOf({c[axis], tap}, {Dim(step("stride", axis)), Dim(step("dilation", axis))},
                       Dim(-step("padding", axis)), image[axis]));
    cb.push_back(tap);
    reduced.push_back(tap);
    if (step("padding", axis)) fill = 0.0;
  }
  // Taps and channels in the order in which x lies, so that its rows are runs.
  visit(puller.pull(x, ca), [&](Expression& e) {
    if (e.kind != Expression::load || e.coordinates.empty()) return;
    std::vector<int> inner;
    digitsOf(domain.normal(e.coordinates.back()), inner);
    std::vector<int> own;
    digitsOf(domain.normal(channel), own);
    if (llvm::any_of(own, [&](int id) { return llvm::is_contained(inner, id); }))
      std::rotate(reduced.begin(), std::find(reduced.begin(), reduced.end(), channel) + 1,
                  reduced.end());
  });
  return contractKernel(domain, computed, c, {}, puller, x, ca, w, cb, reduced, fill, conflicts);
}

}  // namespace heed::fuse
