// heed.rows: a team of invocations shares a row's elements and meets in workgroup memory. What one
// has of a row stays in its registers from pass to pass, if that is known to be little; otherwise
// later passes evaluate the prologue again: what it reads is in a cache by then.
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
constexpr int64_t most_held = 16;  // elements in registers

class Rows {
 public:
  Rows(const tile::Kernel& given, const Target& target, ModuleOp module)
      : kernel(tile::mergeDigits(given, std::numeric_limits<int64_t>::max())),
        e(kernel, target, module),
        op(cast<ir::RowsOp>(kernel.op)),
        reduction(op.getReduction()) {
    const Dim k = kernel.extentOf('k');
    auto most_of_a_team = uint64_t(std::min(e.limits.subgroup, e.limits.invocations));
    uint64_t share = k.is_static() ? uint64_t(k.constant) / elements_each : most_of_a_team;
    team = int64_t(std::bit_floor(std::clamp<uint64_t>(share, 1, most_of_a_team)));
    if (!k.is_static() || !e.limits.staged) return;
    while (k.constant > most_held * team && team < e.limits.invocations) team *= 2;
    if (k.constant <= most_held * team) held = (k.constant + team - 1) / team;
  }

  Lowering lower() {
    return e.write(kernel.extentOf('i'), e.limits.invocations / team, [&] { row(); });
  }

 private:
  using Combine = llvm::function_ref<Value(Value, Value)>;
  struct Element {
    Point place;
    Value held = {};  // its value, where it stays in a register
  };
  tile::Kernel kernel;
  Simt e;
  ir::RowsOp op;
  StringRef reduction;
  int64_t team;      // invocations a row
  int64_t held = 0;  // elements of each that stay in registers; 0: none
  Values elements;   // those, filled by the first pass
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
    auto finite = [&](Element& at) { return e.max(least, x(at)); };
    Value max = fold(least, finite, [&](Value x, Value y) { return e.max(x, y); });
    Value dead = e.compare(arith::CmpFPredicate::OLE, max, least);
    auto weight = [&](Element& at) {
      Value t = e.sub(finite(at), max);
      t = e.mul(t, e.constantLike(t, log2_e));
      return tile::exp2Softmax(e, e.max(e.constantLike(t, least_exponent), t));
    };
    Value sum = fold(constant(e.f32, 0), weight, [&](Value x, Value y) { return e.add(x, y); });
    Value factor = e.div(e.constantLike(sum, 1), sum);  // some weight is 1
    factor = e.select(dead, e.constantLike(sum, 0), factor);
    forEach([&](Element& at) { store(at, e.mul(weight(at), factor)); });
  }

  // (x - mean) / sqrt(mean of (x - mean)² + eps)
  void normalize() {
    Value mean = this->mean(sum());
    auto nearly = [&](Element& at) { return e.sub(x(at), mean); };
    auto add = [&](Value x, Value y) { return e.add(x, y); };
    // The mean was rounded at the size of x; what is left of it is found at the size of the
    // deviations.
    Value rest = this->mean(fold(constant(e.f32, 0), nearly, add));
    auto centred = [&](Element& at) { return e.sub(nearly(at), rest); };
    auto square = [&](Element& at) {
      Value x = centred(at);
      return e.mul(x, x);
    };
    Value variance = this->mean(fold(constant(e.f32, 0), square, add));
    Value factor =
        tile::rsqrt(e, e.add(variance, e.constantLike(variance, op.getEps()->convertToDouble())));
    forEach([&](Element& at) { store(at, e.mul(centred(at), factor)); });
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
        constant(element(), 0), [&](Element& at) { return x(at); },
        [&](Value x, Value y) { return e.add(x, y); });
  }
  Value max() {
    Value least = constant(element(), isa<FloatType>(element())
                                          ? -infinity
                                          : double(std::numeric_limits<int32_t>::min()));
    return fold(
        least, [&](Element& at) { return x(at); }, [&](Value x, Value y) { return e.max(x, y); });
  }
  Value min() {
    Value most = constant(element(), isa<FloatType>(element())
                                         ? infinity
                                         : double(std::numeric_limits<int32_t>::max()));
    return fold(
        most, [&](Element& at) { return x(at); }, [&](Value x, Value y) { return e.min(x, y); });
  }

  Value fold(Value neutral, llvm::function_ref<Value(Element&)> value, Combine combine) {
    Value own = neutral;
    if (held)
      eachHeld([&](Element& at, Value inside) {
        Value x = value(at);
        own = combine(own, inside ? e.select(inside, x, neutral) : x);
      });
    else
      own = e.loop(member, e.dim(kernel.extentOf('k')), team, {neutral},
                   [&](Value k, ValueRange so) {
                     Element at{point(k)};
                     return Values{combine(so[0], value(at))};
                   })[0];
    return together(own, neutral, combine);
  }

  // Over a team's members, the same for all of them.
  Value together(Value own, Value neutral, Combine combine) {
    if (team == 1) return own;
    Value& memory = isa<FloatType>(neutral.getType()) ? floats : integers;
    if (!memory) memory = e.shared(e.limits.invocations, neutral.getType());
    e.store(own, memory, e.invocation);
    e.barrier();
    const int64_t groups = std::max<int64_t>(team / 8, 1);  // of eight, which meet first
    Value first = e.sub(e.invocation, member);
    auto over = [&](int64_t count, int64_t step, Value from) {
      Value all;
      for (int64_t n = 0; n < count; ++n) {
        Value x = e.load(memory, e.add(from, n * step));
        all = all ? combine(all, x) : x;
      }
      return all;
    };
    if (groups > 1) {
      Value part = over(8, groups, e.add(first, e.remainder(member, e.constant(groups))));
      e.barrier();
      e.store(part, memory, e.invocation);
      e.barrier();
    }
    Value all = over(groups > 1 ? groups : team, 1, first);
    e.barrier();
    return all;
  }

  void forEach(llvm::function_ref<void(Element&)> body) {
    e.when(exists, [&] {
      if (held)
        return eachHeld([&](Element& at, Value inside) {
          if (inside) e.when(inside, [&] { body(at); });
          else body(at);
        });
      e.loop(member, e.dim(kernel.extentOf('k')), team, [&](Value k) {
        Element at{point(k)};
        body(at);
      });
    });
  }
  // inside: null where all have one.
  void eachHeld(llvm::function_ref<void(Element&, Value inside)> body) {
    const int64_t extent = kernel.extentOf('k').constant;
    const bool first = elements.empty();
    for (int64_t n = 0; n < held; ++n) {
      Value k = e.add(member, n * team), inside;
      if ((n + 1) * team > extent) {
        inside = e.below(k, e.constant(extent));
        k = e.min(k, e.constant(extent - 1));
      }
      Element at{point(k)};
      if (first) elements.push_back(load(at));
      at.held = elements[size_t(n)];
      body(at, inside);
    }
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
  Value load(Element& at) { return at.place.region(op.getPrologue(), at.place.load(0), 1)[0]; }
  Value x(Element& at) { return at.held ? at.held : load(at); }
  void store(Point& at, Value y) {
    for (auto [n, result] : llvm::enumerate(at.region(op.getEpilogue(), y, 1)))
      at.store(int(n), result);
  }
  void store(Element& at, Value y) { store(at.place, y); }
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
