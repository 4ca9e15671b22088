// heed.rows: a team of invocations shares a row's elements and meets in workgroup memory. Later
// passes evaluate the prologue again: what it reads is in a cache by then.
#include <algorithm>
#include <bit>
#include <limits>

#include "heed/compiler/lower/gpu/kinds.h"
#include "heed/compiler/lower/gpu/point.h"
#include "heed/compiler/lower/tile/functions.h"
#include "heed/compiler/lower/tile/merge_digits.h"
#include "heed/compiler/lower/tile/regions.h"

using namespace mlir;

namespace heed::gpu {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr double log2_e = 1.4426950408889634;
constexpr float least_exponent = -1e9f;  // exp2Softmax is 0 there
// Below every score that counts: a driver need not keep to the rules for what is infinite.
constexpr float dead_score = -1e37f;
constexpr uint64_t elements_each = 4;

class Rows {
 public:
  Rows(const tile::Kernel& given, const Target& target, ModuleOp module)
      : kernel(tile::mergeDigits(given, std::numeric_limits<int64_t>::max())),
        e(kernel, target, module),
        op(cast<ir::RowsOp>(kernel.op)),
        reduction(op.getReduction()) {
    const Dim k = kernel.extentOf('k');
    const auto most_of_a_team = uint64_t(std::min(e.limits.subgroup, e.limits.invocations));
    uint64_t share = k.is_static() ? uint64_t(k.constant) / elements_each : most_of_a_team;
    team = int64_t(std::bit_floor(std::clamp<uint64_t>(share, 1, most_of_a_team)));
  }

  Lowering lower() {
    return e.write(kernel.extentOf('i'), e.limits.invocations / team, [&] { row(); });
  }

 private:
  using Combine = llvm::function_ref<Value(Value, Value)>;
  tile::Kernel kernel;
  Simt e;
  ir::RowsOp op;
  StringRef reduction;
  int64_t team;  // invocations a row
  Value number, member, exists, floats, integers;

  // All invocations go through a row, those beyond the last one through it, too: they meet at the
  // barriers.
  void row() {
    number = e.add(e.firstItem, e.divide(e.invocation, team));
    member = e.remainder(e.invocation, e.constant(team));
    exists = e.below(number, e.work);
    number = e.min(number, e.sub(e.work, e.constant(1)));
    if (reduction == "softmax") softmax();
    else if (reduction == "normalize") normalize();
    else
      finish(reduction == "max"   ? max()
             : reduction == "min" ? min()
             : reduction == "sum" ? sum()
                                  : mean(sum()));
  }

  // exp(x - max) / Σ exp(x - max); zeros where every x is -inf
  void softmax() {
    Value least = constant(e.f32, dead_score);
    auto finite = [&](Point& at) { return e.max(least, x(at)); };
    Value max = fold(least, finite, [&](Value x, Value y) { return e.max(x, y); });
    Value dead = e.compare(arith::CmpFPredicate::OLE, max, least);
    auto weight = [&](Point& at) {
      Value t = e.sub(finite(at), max);
      t = e.mul(t, e.constantLike(t, log2_e));
      return tile::exp2Softmax(e, e.max(e.constantLike(t, least_exponent), t));
    };
    Value sum = fold(constant(e.f32, 0), weight, [&](Value x, Value y) { return e.add(x, y); });
    Value factor = e.div(e.constantLike(sum, 1), sum);  // some weight is 1
    factor = e.select(dead, e.constantLike(sum, 0), factor);
    forEach([&](Point& at) { store(at, e.mul(weight(at), factor)); });
  }

  // (x - mean) / sqrt(mean of (x - mean)² + eps)
  void normalize() {
    Value mean = this->mean(sum());
    auto nearly = [&](Point& at) { return e.sub(x(at), mean); };
    auto add = [&](Value x, Value y) { return e.add(x, y); };
    // The mean was rounded at the size of x; what is left of it is found at the size of the
    // deviations.
    Value rest = this->mean(fold(constant(e.f32, 0), nearly, add));
    auto centred = [&](Point& at) { return e.sub(nearly(at), rest); };
    auto square = [&](Point& at) {
      Value x = centred(at);
      return e.mul(x, x);
    };
    Value variance = this->mean(fold(constant(e.f32, 0), square, add));
    Value factor =
        tile::rsqrt(e, e.add(variance, e.constantLike(variance, op.getEps()->convertToDouble())));
    forEach([&](Point& at) { store(at, e.mul(centred(at), factor)); });
  }

  Value mean(Value sum) {
    Value count = arith::SIToFPOp::create(e.b, e.loc, e.f32, e.toInt(e.dim(kernel.extentOf('k'))));
    return e.div(sum, count);
  }

  // ---- folds over the prologue's values ----

  Type element() {
    return tile::regionElement(op.getPrologue().front().getTerminator()->getOperand(0).getType());
  }
  Value sum() {
    return fold(
        constant(element(), 0), [&](Point& at) { return x(at); },
        [&](Value x, Value y) { return e.add(x, y); });
  }
  Value max() {
    Value least = constant(element(), isa<FloatType>(element())
                                          ? -infinity
                                          : double(std::numeric_limits<int32_t>::min()));
    return fold(
        least, [&](Point& at) { return x(at); }, [&](Value x, Value y) { return e.max(x, y); });
  }
  Value min() {
    Value most = constant(element(), isa<FloatType>(element())
                                         ? infinity
                                         : double(std::numeric_limits<int32_t>::max()));
    return fold(
        most, [&](Point& at) { return x(at); }, [&](Value x, Value y) { return e.min(x, y); });
  }

  Value fold(Value neutral, llvm::function_ref<Value(Point&)> value, Combine combine) {
    Value own =
        e.loop(member, e.dim(kernel.extentOf('k')), team, {neutral}, [&](Value k, ValueRange so) {
          Point at = point(k);
          return Values{combine(so[0], value(at))};
        })[0];
    if (team == 1) return own;
    Value& memory = isa<FloatType>(neutral.getType()) ? floats : integers;
    if (!memory) memory = e.shared(e.limits.invocations, neutral.getType());
    e.store(own, memory, e.invocation);
    e.barrier();
    Value first = e.sub(e.invocation, member);
    Value all = e.loop(e.constant(0), e.constant(team), 1, {neutral}, [&](Value n, ValueRange so) {
      return Values{combine(so[0], e.load(memory, e.add(first, n)))};
    })[0];
    e.barrier();
    return all;
  }

  void forEach(llvm::function_ref<void(Point&)> body) {
    e.when(exists, [&] {
      e.loop(member, e.dim(kernel.extentOf('k')), team, [&](Value k) {
        Point at = point(k);
        body(at);
      });
    });
  }

  // ---- values ----

  Value constant(Type type, double value) {
    if (isa<FloatType>(type))
      return arith::ConstantOp::create(e.b, e.loc, e.b.getFloatAttr(type, value));
    return arith::ConstantOp::create(e.b, e.loc, e.b.getIntegerAttr(type, int64_t(value)));
  }
  Point point(Value k) {
    Point at(e);
    at.set('i', number);
    at.set('k', k);
    return at;
  }
  Value x(Point& at) { return at.region(op.getPrologue(), at.load(0), 1)[0]; }
  void store(Point& at, Value y) {
    for (auto [n, result] : llvm::enumerate(at.region(op.getEpilogue(), y, 1)))
      at.store(int(n), result);
  }
  void finish(Value y) {
    Value first = e.equal(member, e.constant(0));
    e.when(arith::AndIOp::create(e.b, e.loc, exists, first), [&] {
      Point at(e);
      at.set('i', number);
      store(at, y);
    });
  }
};

}  // namespace

Lowering lowerRows(const tile::Kernel& kernel, const Target& target, ModuleOp module) {
  return Rows(kernel, target, module).lower();
}

}  // namespace heed::gpu
