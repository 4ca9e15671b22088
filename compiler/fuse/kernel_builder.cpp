#include "heed/compiler/fuse/kernel_builder.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace heed::fuse {

bool KernelBuilder::hasRole(int digit) const {
  return llvm::any_of(digits_, [&](auto& d) { return d.second == digit; });
}
void KernelBuilder::role(char name, int digit) {
  if (!hasRole(digit)) digits_.emplace_back(name, digit);
}
void KernelBuilder::role(char name, const Coordinate& coordinate) {
  std::vector<int> ids;
  digitsOf(domain_.normal(coordinate), ids);
  for (int id : ids) role(name, id);
}
void KernelBuilder::role(char name, const Coordinates& coordinates) {
  for (const Coordinate& c : coordinates) role(name, c);
}

int KernelBuilder::operandFor(const Expression& load) {
  Coordinates at = domain_.normal(load.coordinates);
  for (auto [n, operand] : llvm::enumerate(operands_))
    if (n >= principals_ && operand.value == load.value && operand.fill == load.fill &&
        operand.coordinates == at)
      return static_cast<int>(n);
  operands_.push_back({load.value, at, load.fill});
  return static_cast<int>(operands_.size()) - 1;
}

void KernelBuilder::principal(const ExpressionPtr& load) {
  operands_.push_back({load->value, load->coordinates, load->fill});
  principals_ = operands_.size();
}
void KernelBuilder::region(const ExpressionPtr& root, std::vector<Expression*> leading,
                           std::vector<Type> leadingTypes) {
  std::vector<ExpressionPtr> roots;
  if (root) roots.push_back(root);
  region(std::move(roots), std::move(leading), std::move(leadingTypes));
}
void KernelBuilder::region(std::vector<ExpressionPtr> roots, std::vector<Expression*> leading,
                           std::vector<Type> leadingTypes) {
  regions_.push_back({std::move(roots), std::move(leading), std::move(leadingTypes)});
}
void KernelBuilder::result(Value tensor, const Coordinates& store) {
  results_.push_back({tensor, store});
}

// Captured operands first, so that every region can take one scalar for each.
void KernelBuilder::collectCaptured() {
  for (const RegionSpec& spec : regions_)
    for (const ExpressionPtr& root : spec.roots)
      visit(root, [&](Expression& e) {
        bool reads = e.kind == Expression::load || e.kind == Expression::lookup;
        if (reads && !llvm::is_contained(spec.leading, &e)) operandFor(e);
      });
}

AffineExpr KernelBuilder::affine(const Dim& dim) {
  if (dim.is_static()) return getAffineConstantExpr(dim.constant, b_.getContext());
  std::string text = text_of(dim);
  auto found = llvm::find(symbols_, text);
  unsigned position = found - symbols_.begin();
  if (found == symbols_.end()) symbols_.push_back(text);
  return getAffineSymbolExpr(position, b_.getContext());
}

AffineExpr KernelBuilder::affine(const Coordinate& given) {
  Coordinate coordinate = domain_.normal(given);
  AffineExpr sum = getAffineConstantExpr(0, b_.getContext());
  Dim weight(1);
  for (size_t i = coordinate.size(); i-- > 0;) {
    const Piece& p = coordinate[i];
    AffineExpr e;
    switch (p.kind) {
      case Piece::digit: {
        auto at = llvm::find_if(digits_, [&](auto& d) { return d.second == p.id; });
        e = getAffineDimExpr(at - digits_.begin(), b_.getContext());
        break;
      }
      case Piece::constant: e = affine(p.value); break;
      case Piece::roll: e = (affine(p.parts[0]) + affine(p.value)) % affine(p.extent); break;
      case Piece::sum:
        e = affine(p.value);
        for (auto [part, w] : llvm::zip(p.parts, p.weights)) e = e + affine(part) * affine(w);
        break;
    }
    sum = sum + e * affine(weight);
    weight = weight * p.extent;
  }
  return sum;
}

AffineMap KernelBuilder::map(const Coordinates& coordinates) {
  SmallVector<AffineExpr> results;
  for (const Coordinate& c : coordinates) results.push_back(affine(c));
  // symbols are counted in build()
  return AffineMap::get(digits_.size(), 0, results, b_.getContext());
}

Value KernelBuilder::emit(const ExpressionPtr& e, const RegionSpec& spec, Block& block,
                          OpBuilder& b, llvm::DenseMap<Expression*, Value>& memo) {
  if (auto done = memo.find(e.get()); done != memo.end()) return done->second;
  Value result;
  Location location = b.getUnknownLoc();
  if (auto at = llvm::find(spec.leading, e.get()); at != spec.leading.end()) {
    result = block.getArgument(at - spec.leading.begin());
  } else {
    switch (e->kind) {
      case Expression::load:
        result = block.getArgument(spec.leadingTypes.size() + operandFor(*e) - principals_);
        break;
      case Expression::constant:
        result = ir::ConstantOp::create(b, location, e->type, b.getF64FloatAttr(e->number));
        break;
      case Expression::extent:
        result = ir::ExtentOp::create(b, location, e->type, b.getStringAttr(e->dim));
        break;
      case Expression::position:
        result =
            ir::CoordinateOp::create(b, location, e->type, AffineMapAttr::get(map(e->coordinates)));
        break;
      case Expression::apply: {
        OperationState state(location, e->name);
        for (const ExpressionPtr& x : e->operands) state.addOperands(emit(x, spec, block, b, memo));
        state.addTypes(e->type);
        result = b.create(state)->getResult(0);
        break;
      }
      case Expression::lookup: {
        Value table = block.getArgument(spec.leadingTypes.size() + operandFor(*e) - principals_);
        Value index = emit(e->operands[0], spec, block, b, memo);
        result = ir::LookupOp::create(b, location, e->type, table, index,
                                      b.getI64IntegerAttr(int64_t(e->number)));
        break;
      }
      case Expression::anchor:
        llvm_unreachable("an anchor is a leading scalar of its kernel's region");
    }
  }
  memo[e.get()] = result;
  return result;
}

void KernelBuilder::emit(const RegionSpec& spec, Region& region) {
  if (spec.roots.empty()) return;
  Block* block = new Block;
  region.push_back(block);
  for (Type type : spec.leadingTypes) block->addArgument(type, b_.getUnknownLoc());
  for (size_t n = principals_; n < operands_.size(); ++n)
    block->addArgument(getElementTypeOrSelf(operands_[n].value.getType()), b_.getUnknownLoc());
  OpBuilder inner(b_.getContext());
  inner.setInsertionPointToEnd(block);
  llvm::DenseMap<Expression*, Value> memo;
  SmallVector<Value> results;
  for (const ExpressionPtr& root : spec.roots)
    results.push_back(emit(root, spec, *block, inner, memo));
  ir::YieldOp::create(inner, b_.getUnknownLoc(), results);
}

Operation* KernelBuilder::build(StringRef name, Location location,
                                ArrayRef<NamedAttribute> attributes) {
  collectCaptured();
  OperationState state(location, name);
  SmallVector<AffineMap> maps, stores;
  SmallVector<Attribute> fill;
  bool filled = false;
  for (const Operand& operand : operands_) {
    state.addOperands(bufferOf_(operand.value));
    maps.push_back(map(operand.coordinates));
    filled |= operand.fill.has_value();
    fill.push_back(operand.fill ? Attribute(b_.getF64FloatAttr(*operand.fill))
                                : Attribute(b_.getUnitAttr()));
  }
  for (const Result& r : results_) {
    state.addTypes(r.tensor.getType());
    stores.push_back(map(r.store));
  }
  for (const RegionSpec& spec : regions_) emit(spec, *state.addRegion());
  auto withSymbols = [&](AffineMap m) {
    return AffineMap::get(m.getNumDims(), symbols_.size(), m.getResults(), b_.getContext());
  };
  SmallVector<Attribute> domain, symbols, mapAttributes, storeAttributes;
  llvm::DenseMap<char, int> counts, seen;
  for (auto& d : digits_) ++counts[d.first];
  for (auto& [role, id] : digits_) {
    std::string digit(1, role);
    if (counts[role] > 1) digit += std::to_string(seen[role]++);
    domain.push_back(b_.getStringAttr(digit + ":" + text_of(domain_[id].extent)));
  }
  for (const std::string& s : symbols_) symbols.push_back(b_.getStringAttr(s));
  for (AffineMap m : maps) mapAttributes.push_back(AffineMapAttr::get(withSymbols(m)));
  for (AffineMap m : stores) storeAttributes.push_back(AffineMapAttr::get(withSymbols(m)));
  state.addAttribute("domain", b_.getArrayAttr(domain));
  state.addAttribute("symbols", b_.getArrayAttr(symbols));
  state.addAttribute("maps", b_.getArrayAttr(mapAttributes));
  state.addAttribute("stores", b_.getArrayAttr(storeAttributes));
  if (filled) state.addAttribute("fill", b_.getArrayAttr(fill));
  state.addAttributes(attributes);
  Operation* op = b_.create(state);
  // Coordinates in regions share the kernel's symbols.
  op->walk([&](ir::CoordinateOp c) { c.setMapAttr(AffineMapAttr::get(withSymbols(c.getMap()))); });
  return op;
}

}  // namespace heed::fuse
