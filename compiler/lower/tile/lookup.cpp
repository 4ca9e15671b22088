// Ends of integer expressions as dimensions: j - i + n - 1 lies in [0, 2n - 2] for positions j and
// i below n. An end that no dimension can say is unknown, and so is which of two dimensions is
// larger where their difference is none.
#include "heed/compiler/lower/tile/lookup.h"

#include "heed/compiler/lower/tile/access.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace heed::tile {
namespace {

using End = std::optional<Dim>;
struct Ends {
  End least, most;
};

End known(const Dim& dim) { return dim.invalid ? End() : End(dim); }
End plus(const End& x, const End& y) { return x && y ? known(*x + *y) : End(); }
End minus(const End& x, const End& y) { return x && y ? known(*x - *y) : End(); }

// The sign of x - y where it is the same for all sizes.
std::optional<bool> below(const Dim& x, const Dim& y) {
  Dim room = y - x;
  if (room.is_static() && !room.invalid) return room.constant > 0;
  return {};
}
// Of two ends of which both hold: either will do where it is not known which is nearer.
End nearer(const End& x, const End& y, bool smaller) {
  if (!x || !y) return x ? x : y;
  auto isBelow = below(*x, *y);
  if (isBelow) return *isBelow == smaller ? x : y;
  return x->is_static() ? x : y;
}
// Of two ends of which one holds.
End farther(const End& x, const End& y, bool smaller) {
  if (!x || !y) return {};
  auto isBelow = below(*x, *y);
  return isBelow ? (*isBelow == smaller ? x : y) : End();
}

class Bounds {
 public:
  explicit Bounds(const Kernel& kernel) : kernel(kernel) {}

  Ends of(Value x) {
    if (!x.getDefiningOp() || !x.getType().isIntOrIndex() || x.getType().isInteger(1)) return {};
    return llvm::TypeSwitch<Operation*, Ends>(x.getDefiningOp())
        .Case<ir::CoordinateOp>([&](auto op) { return of(op.getMap().getResult(0)); })
        .Case<ir::ConstantOp>(
            [&](auto op) { return exactly(Dim(int64_t(op.getValue().convertToDouble()))); })
        .Case<ir::ExtentOp>([&](auto op) { return exactly(parse_dim(op.getDim())); })
        .Case<ir::CastOp>([&](auto op) {
          return op.getX().getType().isInteger(1) ? Ends{Dim(0), Dim(1)} : of(op.getX());
        })
        .Case<ir::AbsOp>([&](auto) { return Ends{Dim(0), {}}; })
        .Case<ir::NegOp>([&](auto op) { return difference(exactly(Dim(0)), of(op.getX())); })
        .Case<ir::AddOp>([&](auto op) { return sum(of(op.getX()), of(op.getY())); })
        .Case<ir::SubOp>([&](auto op) { return difference(of(op.getX()), of(op.getY())); })
        .Case<ir::MinimumOp>([&](auto op) {
          Ends a = of(op.getX()), b = of(op.getY());
          return Ends{farther(a.least, b.least, true), nearer(a.most, b.most, true)};
        })
        .Case<ir::MaximumOp>([&](auto op) {
          Ends a = of(op.getX()), b = of(op.getY());
          return Ends{nearer(a.least, b.least, false), farther(a.most, b.most, false)};
        })
        .Case<ir::WhereOp>([&](auto op) {
          Ends a = of(op.getThenValue()), b = of(op.getElseValue());
          return Ends{farther(a.least, b.least, true), farther(a.most, b.most, false)};
        })
        .Default([](Operation*) { return Ends(); });
  }

 private:
  const Kernel& kernel;

  static Ends exactly(const End& x) { return {x, x}; }
  static Ends sum(const Ends& x, const Ends& y) {
    return {plus(x.least, y.least), plus(x.most, y.most)};
  }
  static Ends difference(const Ends& x, const Ends& y) {
    return {minus(x.least, y.most), minus(x.most, y.least)};
  }

  Ends of(AffineExpr e) {
    if (auto c = dyn_cast<AffineConstantExpr>(e)) return exactly(Dim(c.getValue()));
    if (auto s = dyn_cast<AffineSymbolExpr>(e))
      return exactly(parse_dim(kernel.symbols[s.getPosition()]));
    if (auto d = dyn_cast<AffineDimExpr>(e))
      return {Dim(0), known(kernel.digits[d.getPosition()].extent - Dim(1))};
    auto binary = cast<AffineBinaryOpExpr>(e);
    if (e.getKind() == AffineExprKind::Add) return sum(of(binary.getLHS()), of(binary.getRHS()));
    auto factor = dyn_cast<AffineConstantExpr>(binary.getRHS());
    if (e.getKind() != AffineExprKind::Mul || !factor || factor.getValue() < 0) return {};
    Ends x = of(binary.getLHS());
    auto times = [&](const End& end) { return end ? known(*end * Dim(factor.getValue())) : End(); };
    return {times(x.least), times(x.most)};
  }
};

}  // namespace

Dim extentOf(const Kernel& kernel, Lookup lookup) {
  return kernel.ins[size_t(lookup.operand)].shape.dims[lookup.axis];
}

bool staysInside(const Kernel& kernel, Lookup lookup) {
  Ends index = Bounds(kernel).of(lookup.op.getIndex());
  if (!index.least || !index.most) return false;
  auto tooLow = below(*index.least, Dim(0)), inside = below(*index.most, extentOf(kernel, lookup));
  return tooLow == false && inside == true;
}

bool checksLookups(const Kernel& kernel) {
  return kernel.op
      ->walk([&](ir::LookupOp op) {
        return staysInside(kernel, lookupOf(op)) ? WalkResult::advance() : WalkResult::interrupt();
      })
      .wasInterrupted();
}

}  // namespace heed::tile
