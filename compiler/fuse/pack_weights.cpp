// A contraction whose b depends on parameters alone reads it in panels of the target's width:
// heed.pack is inserted, and moves to @prepare with whatever else runs once. The layout depends on
// weight and target, never on batch or length.
#include "heed/compiler/dialect/heed.h"
#include "heed/compiler/fuse/choose_buffers.h"
#include "heed/compiler/fuse/passes.h"
#include "heed/compiler/lower/lower.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace heed {
namespace {

// Digits of the given roles, linearised major to minor: Σ digit · weight. Extents must be static.
struct Group {
  AffineExpr index;
  int64_t extent = 1;
};
std::optional<Group> linearised(const tile::Kernel& kernel, char role, const AffineMap& b,
                                MLIRContext* context) {
  Group group{getAffineConstantExpr(0, context), 1};
  for (int n : kernel.withRole(role)) {
    if (role == 'b' && !b.isFunctionOfDim(n)) continue;
    if (!kernel.digits[n].extent.is_static()) return {};
    group.index = group.index * kernel.digits[n].extent.constant + getAffineDimExpr(n, context);
    group.extent *= kernel.digits[n].extent.constant;
  }
  return group;
}

struct PackWeights : PassWrapper<PackWeights, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PackWeights)
  PackWeights() = default;
  PackWeights(const PackWeights& other) : PassWrapper(other), resolved(other.resolved) {}
  explicit PackWeights(Target t) : resolved(std::move(t)) {}
  StringRef getArgument() const final { return "heed-pack-weights"; }
  StringRef getDescription() const final { return "contractions read parameters in panels"; }
  Option<std::string> name{*this, "target", llvm::cl::desc("target's name"),
                           llvm::cl::init("x86-64-avx512")};
  Target resolved;

  void runOnOperation() final {
    Target target = resolved.name.empty() ? target_by_name(name) : resolved;
    if (target.reference || target.vulkan) return;
    getOperation().walk([&](ir::ContractOp op) {
      Value b = op.getIns()[1];
      if (!op.getPacked() && fuse::dependsOnParametersOnly(b)) pack(op, target);
    });
  }

  void pack(ir::ContractOp op, const Target& target) {
    std::vector<tile::Layout> layouts;
    for (Value v : op->getOperands()) layouts.push_back(tile::denseLayout(ir::shapeOf(v)));
    for (Value v : op->getResults()) layouts.push_back(tile::denseLayout(ir::shapeOf(v)));
    auto kernel = tile::describe(op, "", layouts);
    if (failed(kernel)) return;
    auto map = cast<AffineMapAttr>(op.getMaps()[1]).getValue();
    auto batch = linearised(*kernel, 'b', map, &getContext());
    auto n = linearised(*kernel, 'n', map, &getContext()),
         p = linearised(*kernel, 'p', map, &getContext()),
         k = linearised(*kernel, 'k', map, &getContext());
    if (!batch || !n || !p || !k) return;
    OpBuilder b(op);
    int64_t width = panelWidth(target, n->extent), panels = (n->extent + width - 1) / width;
    SmallVector<int64_t> sizes{batch->extent, panels * p->extent, k->extent, width};
    auto type = RankedTensorType::get(sizes, b.getF32Type());
    // Only the digits that address b; the contraction's numbering is kept by listing them all and
    // mapping to a subset.
    SmallVector<AffineExpr> renumbered(kernel->digits.size(),
                                       getAffineConstantExpr(0, &getContext()));
    SmallVector<Attribute> domain;
    for (auto [at, digit] : llvm::enumerate(kernel->digits)) {
      if (digit.role == 'm' || (digit.role == 'b' && !map.isFunctionOfDim(at))) continue;
      renumbered[at] = getAffineDimExpr(domain.size(), &getContext());
      domain.push_back(op.getDomain()[at]);
    }
    auto panelsMap =
        AffineMap::get(kernel->digits.size(), map.getNumSymbols(),
                       {batch->index, n->index.floorDiv(width) * p->extent + p->index, k->index,
                        n->index % width},
                       &getContext());
    // Symbols that b does not need would keep the packing from being done once and for all.
    bool symbolic = llvm::any_of(llvm::seq(map.getNumSymbols()),
                                 [&](unsigned n) { return map.isFunctionOfSymbol(n); });
    ArrayAttr symbols = symbolic ? op.getSymbols() : b.getArrayAttr({});
    auto forPack = [&](AffineMap m) {
      return AffineMapAttr::get(
          m.replaceDimsAndSymbols(renumbered, {}, domain.size(), symbols.size()));
    };
    auto packed = ir::PackOp::create(
        b, op.getLoc(), TypeRange{type}, ValueRange{op.getIns()[1]}, b.getArrayAttr(domain),
        symbols, b.getArrayAttr({forPack(map)}), b.getArrayAttr({forPack(panelsMap)}), ArrayAttr(),
        b.getI64IntegerAttr(width));
    SmallVector<Attribute> maps(op.getMaps().getValue());
    maps[1] = AffineMapAttr::get(panelsMap);
    op.setMapsAttr(b.getArrayAttr(maps));
    op.setPackedAttr(b.getI64IntegerAttr(width));
    op->setOperand(1, packed->getResult(0));
  }
};

}  // namespace

std::unique_ptr<Pass> createPackWeights(Target target) {
  return std::make_unique<PackWeights>(std::move(target));
}

}  // namespace heed
