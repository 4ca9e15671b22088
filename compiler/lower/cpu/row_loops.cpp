#include "heed/compiler/lower/cpu/row_loops.h"

#include <limits>

using namespace mlir;

namespace heed::cpu {
namespace {

constexpr int64_t short_loop = 4;  // elements that are not worth a loop
constexpr int accumulators = 4;  // hide an addition's latency, and keep sums short

Value across(Emit& e, Fold kind, Value lanes) {
  if (isa<FloatType>(getElementTypeOrSelf(lanes.getType()))) {
    if (kind == Fold::sum) return e.sum(lanes);
    return kind == Fold::max ? e.largest(lanes) : e.neg(e.largest(e.neg(lanes)));
  }
  auto how = kind == Fold::sum   ? vector::CombiningKind::ADD
             : kind == Fold::max ? vector::CombiningKind::MAXSI
                                 : vector::CombiningKind::MINSI;
  return vector::ReductionOp::create(e.b, e.loc, how, lanes);
}

}  // namespace

Value neutralOf(Emit& e, Fold kind, Type element) {
  const bool is_float = isa<FloatType>(element);
  double least = -std::numeric_limits<double>::infinity();
  if (!is_float) least = std::numeric_limits<int32_t>::min();
  double most = is_float ? -least : double(std::numeric_limits<int32_t>::max());
  double value = kind == Fold::sum ? 0 : kind == Fold::max ? least : most;
  TypedAttr attribute = is_float ? TypedAttr(e.b.getFloatAttr(element, value))
                                 : TypedAttr(e.b.getIntegerAttr(element, int64_t(value)));
  return arith::ConstantOp::create(e.b, e.loc, attribute);
}

Value combine(Emit& e, Fold kind, Value x, Value y) {
  if (kind != Fold::sum) return kind == Fold::max ? e.max(x, y) : e.min(x, y);
  if (auto product = y.getDefiningOp<arith::MulFOp>())
    return e.fma(product.getLhs(), product.getRhs(), x);
  return e.add(x, y);
}

struct RowLoops::Folding {
  Fold kind;
  Value neutral;  // scalar
  Element value;
  bool tail_alone;  // the last of the sums is the scalar tail's
};

Value RowLoops::fold(const Cursor& at, Fold kind, Type element, Element value) const {
  Folding folding{kind, neutralOf(e, kind, element), value, along_k && !e.target.masks};
  bool lanes = along_k || at.hasLanes();
  Values sums(accumulators, lanes ? e.broadcast(folding.neutral) : folding.neutral);
  if (folding.tail_alone) sums.push_back(folding.neutral);
  sums = foldFrom(folding, at, 0, e.constant(0), sums);
  static_assert(accumulators == 4);
  Value total =
      combine(e, kind, combine(e, kind, sums[0], sums[1]), combine(e, kind, sums[2], sums[3]));
  if (along_k) total = across(e, kind, total);
  return folding.tail_alone ? combine(e, kind, total, sums.back()) : total;
}

Values RowLoops::foldFrom(const Folding& folding, const Cursor& at, size_t level, Value base,
                          Values sums) const {
  if (level + 1 >= digits.size()) return foldRun(folding, at, base, sums);
  auto [low, high] = rangeOf(at, level);
  return e.loop(low, high, 1, sums, [&](Value v, ValueRange sums) {
    Cursor deeper = at;
    deeper.set(digits[level], v);
    Value next = e.mul(e.add(base, v), extent(level + 1));
    return foldFrom(folding, deeper, level + 1, next, Values(sums));
  });
}

const Clip* RowLoops::clipOf(size_t level) const {
  return !clips.empty() && clips[digits[level]] ? &*clips[digits[level]] : nullptr;
}

std::pair<Value, Value> RowLoops::rangeOf(const Cursor& at, size_t level) const {
  const Clip* clip = clipOf(level);
  if (!clip) return {e.constant(0), extent(level)};
  Value from = at.scalarOf(clip->from);
  return {e.max(e.sub(e.constant(0), from), e.constant(0)),
          e.min(e.sub(e.dim(clip->extent), from), extent(level))};
}

// The last digit, several vectors (or elements) at a time.
Values RowLoops::foldRun(const Folding& folding, const Cursor& at, Value base, Values sums) const {
  auto include = [&](Value& sum, Value k, bool lanes, Value mask = {}) {
    Cursor c = at;
    if (digits.empty()) {
    } else if (lanes) c.setLanes(digits.back(), k, mask);
    else c.set(digits.back(), k);
    Value x = folding.value(c, e.add(base, k));
    if (mask) x = e.select(mask, x, e.broadcast(folding.neutral));
    sum = combine(e, folding.kind, sum, x);
  };
  if (digits.empty()) {
    include(sums[0], e.constant(0), false);
    return sums;
  }
  const Dim& count = e.kernel.digits[digits.back()].extent;
  const bool is_short = !along_k && count.is_static() && count.constant <= short_loop;
  if (is_short || clipOf(digits.size() - 1)) {
    auto [low, high] = rangeOf(at, digits.size() - 1);
    auto some = [&, low = low, high = high] {
      return e.loop(low, high, 1, sums, [&](Value k, ValueRange carried) {
        Values next(carried);
        include(next[0], k, false);
        return next;
      });
    };
    auto all = [&] {
      Values next(sums);
      for (int64_t k = 0; k < count.constant; ++k)
        include(next[k % accumulators], e.constant(k), false);
      return next;
    };
    if (!is_short) return some();
    if (!clipOf(digits.size() - 1)) return all();
    return e.choose(e.equal(e.sub(high, low), extent(digits.size() - 1)),
                    ValueRange(sums).getTypes(), all, some);
  }
  const int step = along_k ? e.lanes() : 1;
  Value end = extent(digits.size() - 1), full = e.roundDown(end, step);
  Value main = e.roundDown(end, step * accumulators);
  if (constantOf(main) != 0)
    sums = e.loop(e.constant(0), main, step * accumulators, sums, [&](Value k, ValueRange carried) {
      Values next(carried);
      for (int n = 0; n < accumulators; ++n) include(next[n], e.add(k, n * step), along_k);
      return next;
    });
  sums = e.loop(main, full, step, sums, [&](Value k, ValueRange carried) {
    Values next(carried);
    include(next[0], k, along_k);
    return next;
  });
  Value rest = e.sub(end, full);
  if (!along_k || constantOf(rest) == 0) return sums;
  if (!folding.tail_alone) {
    include(sums[0], full, true, e.lanesBelow(rest));
    return sums;
  }
  return e.loop(full, end, 1, sums, [&](Value k, ValueRange carried) {
    Values next(carried);
    include(next.back(), k, false);
    return next;
  });
}

void RowLoops::forEach(const Cursor& at, llvm::function_ref<void(Cursor&, Value)> body) const {
  visit(at, 0, e.constant(0), body);
}

void RowLoops::visit(const Cursor& at, size_t level, Value base,
                     llvm::function_ref<void(Cursor&, Value)> body) const {
  if (digits.empty()) {
    Cursor c = at;
    return body(c, base);
  }
  auto inner = [&](Cursor& c, Value k) { body(c, e.add(base, k)); };
  bool last = level + 1 == digits.size();
  if (last && along_k) return forLanes(e, at, digits.back(), e.constant(0), extent(level), inner);
  e.loop(e.constant(0), extent(level), 1, [&](Value v) {
    Cursor deeper = at;
    deeper.set(digits[level], v);
    if (last) inner(deeper, v);
    else visit(deeper, level + 1, e.mul(e.add(base, v), extent(level + 1)), body);
  });
}

}  // namespace heed::cpu
