#include "heed/compiler/lower/tile/kernel.h"

#include "mlir/IR/AffineExpr.h"

using namespace mlir;

namespace heed::tile {

Layout denseLayout(const Shape& shape) {
  Layout layout;
  layout.strides.resize(shape.rank);
  Dim stride(1);
  for (int axis = shape.rank; axis-- > 0;) {
    layout.strides[axis] = stride;
    stride = stride * shape.dims[axis];
  }
  return layout;
}

std::vector<int> Kernel::withRole(char role) const {
  std::vector<int> found;
  for (auto [n, digit] : llvm::enumerate(digits))
    if (digit.role == role) found.push_back(int(n));
  return found;
}

Dim Kernel::extentOf(char role) const {
  Dim extent(1);
  for (int n : withRole(role)) extent = extent * digits[n].extent;
  return extent;
}

namespace {

// A coordinate as constant + Σ weight·digit + Σ weight·(rolled group).
struct Linear {
  Dim constant;
  std::vector<Dim> weights;
  std::vector<Rolled> rolled;
};

// Symbols and constants only: a Dim.
std::optional<Dim> asDim(AffineExpr e, ArrayRef<std::string> symbols) {
  if (auto c = dyn_cast<AffineConstantExpr>(e)) return Dim(c.getValue());
  if (auto s = dyn_cast<AffineSymbolExpr>(e)) return parse_dim(symbols[s.getPosition()]);
  auto binary = dyn_cast<AffineBinaryOpExpr>(e);
  if (!binary) return {};
  auto x = asDim(binary.getLHS(), symbols), y = asDim(binary.getRHS(), symbols);
  if (!x || !y) return {};
  switch (e.getKind()) {
    case AffineExprKind::Add: return *x + *y;
    case AffineExprKind::Mul: return *x * *y;
    default: return {};
  }
}

LogicalResult linearize(AffineExpr e, const Dim& weight, const Kernel& kernel, Linear& out) {
  if (auto dim = asDim(e, kernel.symbols)) {
    out.constant = out.constant + weight * *dim;
    return success();
  }
  if (auto d = dyn_cast<AffineDimExpr>(e)) {
    out.weights[d.getPosition()] = out.weights[d.getPosition()] + weight;
    return success();
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(e);
  if (!binary) return failure();
  AffineExpr x = binary.getLHS(), y = binary.getRHS();
  if (e.getKind() == AffineExprKind::Add)
    return success(succeeded(linearize(x, weight, kernel, out)) &&
                   succeeded(linearize(y, weight, kernel, out)));
  if (e.getKind() == AffineExprKind::Mul) {
    if (auto factor = asDim(y, kernel.symbols)) return linearize(x, weight * *factor, kernel, out);
    if (auto factor = asDim(x, kernel.symbols)) return linearize(y, weight * *factor, kernel, out);
    return failure();
  }
  if (e.getKind() == AffineExprKind::Mod) {
    auto modulus = asDim(y, kernel.symbols);
    Linear group{Dim(0), std::vector<Dim>(kernel.digits.size()), {}};
    if (!modulus || failed(linearize(x, Dim(1), kernel, group)) || !group.rolled.empty())
      return failure();
    out.rolled.push_back(Rolled{group.weights, group.constant, *modulus, weight});
    return success();
  }
  return failure();
}

}  // namespace

static FailureOr<Access> accessOf(const Kernel& kernel, AffineMap map, Value tensor,
                                  const Layout& layout) {
  Access access;
  access.dtype = ir::dtypeOf(tensor.getType());
  access.map = map;
  access.shape = ir::shapeOf(tensor);
  access.layout = layout;
  Linear sum{layout.offset, std::vector<Dim>(kernel.digits.size()), {}};
  for (auto [axis, coordinate] : llvm::enumerate(map.getResults()))
    if (failed(linearize(coordinate, layout.strides[axis], kernel, sum))) return failure();
  access.offset = sum.constant;
  access.strides = sum.weights;
  access.rolled = sum.rolled;
  return access;
}

// A packed b has no strides over the digits; its map says panel and column by floordiv and mod.
static FailureOr<Access> panelsOf(AffineMap map, Value tensor, const Layout& layout) {
  Access access;
  access.dtype = ir::dtypeOf(tensor.getType());
  access.offset = layout.offset;
  access.map = map;
  access.shape = ir::shapeOf(tensor);
  access.layout = layout;
  return access;
}

FailureOr<Kernel> describe(Operation* op, StringRef name, ArrayRef<Layout> layouts) {
  Kernel kernel;
  kernel.op = op;
  kernel.name = name.str();
  for (auto text : op->getAttrOfType<ArrayAttr>("domain").getAsRange<StringAttr>()) {
    auto [digit, extent] = text.getValue().split(':');
    auto dim = parse_dim(extent.trim());
    if (digit.empty() || !dim)
      return op->emitOpError("domain: expected 'name:extent', found '") << text.getValue() << "'";
    kernel.digits.push_back({digit[0], digit.str(), *dim});
  }
  for (auto symbol : op->getAttrOfType<ArrayAttr>("symbols").getAsRange<StringAttr>())
    kernel.symbols.push_back(symbol.getValue().str());
  auto maps = op->getAttrOfType<ArrayAttr>("maps").getAsValueRange<AffineMapAttr>();
  auto stores = op->getAttrOfType<ArrayAttr>("stores").getAsValueRange<AffineMapAttr>();
  auto fill = op->getAttrOfType<ArrayAttr>("fill");
  size_t at = 0;
  for (auto [map, in] : llvm::zip_equal(maps, op->getOperands())) {
    bool packed = at == 1 && op->hasAttr("packed");  // addressed by panels, see heed.pack
    auto access = packed ? panelsOf(map, in, layouts[at]) : accessOf(kernel, map, in, layouts[at]);
    if (failed(access))
      return op->emitOpError("expected a linear or rolled map for operand ") << at;
    if (fill)
      if (auto value = dyn_cast<FloatAttr>(fill[at])) access->fill = value.getValueAsDouble();
    kernel.ins.push_back(*access);
    ++at;
  }
  for (auto [map, out] : llvm::zip_equal(stores, op->getResults())) {
    bool packs = isa<ir::PackOp>(op);
    auto access = packs ? panelsOf(map, out, layouts[at]) : accessOf(kernel, map, out, layouts[at]);
    ++at;
    if (failed(access)) return op->emitOpError("expected a linear or rolled store map");
    kernel.outs.push_back(*access);
  }
  return kernel;
}

}  // namespace heed::tile
