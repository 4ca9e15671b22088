#include "heed/compiler/lower/tile/access.h"

#include "mlir/IR/AffineExpr.h"

using namespace mlir;

namespace heed::tile {

namespace {

struct DimRange {
  Dim least, most;
};

// Of sums of digits, symbols and constants with constant factors; nullopt for anything else.
std::optional<DimRange> rangeOf(const Kernel& kernel, AffineExpr e) {
  if (auto c = dyn_cast<AffineConstantExpr>(e))
    return DimRange{Dim(c.getValue()), Dim(c.getValue())};
  if (auto d = dyn_cast<AffineDimExpr>(e))
    return DimRange{Dim(0), kernel.digits[d.getPosition()].extent - Dim(1)};
  auto binary = dyn_cast<AffineBinaryOpExpr>(e);
  if (!binary) return {};
  auto x = rangeOf(kernel, binary.getLHS());
  if (!x) return {};
  if (e.getKind() == AffineExprKind::Add) {
    auto y = rangeOf(kernel, binary.getRHS());
    if (!y) return {};
    return DimRange{x->least + y->least, x->most + y->most};
  }
  auto factor = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (e.getKind() != AffineExprKind::Mul || !factor) return {};
  DimRange r{x->least * Dim(factor.getValue()), x->most * Dim(factor.getValue())};
  if (factor.getValue() < 0) std::swap(r.least, r.most);
  return r;
}

}  // namespace

bool staysInside(const Kernel& kernel, AffineExpr coordinate, const Dim& extent) {
  auto range = rangeOf(kernel, coordinate);
  if (!range) return false;
  Dim room = extent - Dim(1) - range->most;
  return range->least.is_static() && range->least.constant >= 0 && room.is_static() &&
         !room.invalid && room.constant >= 0;
}

Dim bytesOf(const Kernel& kernel) {
  Dim sum;
  auto add = [&](const Dim& elements, const Access& access) {
    sum = sum + elements * Dim(int64_t(size_of(access.dtype)));
  };
  bool appends = ir::isAppend(kernel.op);  // only the rows are written
  for (const Access& access : llvm::ArrayRef(kernel.ins).drop_front(appends))
    add(element_count(access.shape), access);
  for (const Access& access : kernel.outs)
    add(appends ? kernel.extentOf('i') : element_count(access.shape), access);
  return sum;
}

bool rolls(const Access& access, int digit) {
  for (const Rolled& rolled : access.rolled)
    if (!(rolled.weights[digit] == Dim(0))) return true;
  return false;
}

int innermost(const Kernel& kernel, char role) {
  int found = -1;
  for (int digit : kernel.withRole(role))
    if (!(kernel.digits[digit].extent == Dim(1))) found = digit;
  return found;
}

std::optional<Dim> strideAlong(const Kernel& kernel, const Access& access, char role) {
  if (access.strides.empty()) return {};
  std::optional<Dim> stride;  // of the innermost digit
  Dim expected;               // of the next one outwards
  auto digits = kernel.withRole(role);
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    const Dim& extent = kernel.digits[*digit].extent;
    if (extent == Dim(1)) continue;
    if (rolls(access, *digit)) return {};
    const Dim& own = access.strides[*digit];
    if (!stride) stride = own;
    else if (!(own == expected)) return {};
    expected = own * extent;
  }
  return stride ? stride : Dim(0);
}

}  // namespace heed::tile
