// heed.attention: a workgroup computes a tile of queries of one batch index. Blocks of keys pass by: their scores meet in
// workgroup memory, where a few invocations a row find the row's largest and the weights; sums of values stay in
// registers. What scores, masks and softmax mean is tile::OnlineSoftmax's and the regions' business.
#include <algorithm>
#include <bit>

#include "heed/compiler/lower/gpu/kinds.h"
#include "heed/compiler/lower/gpu/point.h"
#include "heed/compiler/lower/gpu/tiles.h"
#include "heed/compiler/lower/tile/masks.h"
#include "heed/compiler/lower/tile/online_softmax.h"

using namespace mlir;

namespace heed::gpu {
namespace {

constexpr int64_t columns_unit = 16;
constexpr int64_t value_words = 2048;  // of workgroup memory for a piece of the values

class Attention {
 public:
  Attention(const tile::Kernel& kernel, const Target& target, ModuleOp module)
      : kernel(kernel),
        e(kernel, target, module),
        op(cast<ir::AttentionOp>(kernel.op)),
        softmax(e, op),
        mask(tile::classifyMask(kernel, op.getMask())),
        i(kernel.extentOf('i')), j(kernel.extentOf('j')),
        queries(e.limits.queries), keys(e.limits.keys), members(e.limits.invocations / e.limits.queries) {}

  Lowering lower() {
    const Dim batch = kernel.extentOf('b'), features = kernel.extentOf('e'), d = kernel.extentOf('d');
    if (!d.is_static()) return op.emitOpError("expected a static extent of the values");
    values = (d.constant + columns_unit - 1) / columns_unit * columns_unit;
    bool exact = i.is_static();
    Dim work = exact ? batch * Dim((i.constant + queries - 1) / queries) : batch * i;
    auto lowered = e.write(work, exact ? 1 : queries, [&] { tiles(exact); });
    if (succeeded(lowered)) lowered->launches[0].flops = Dim(2) * batch * i * j * (features + d);
    return lowered;
  }

 private:
  const tile::Kernel& kernel;
  Simt e;
  ir::AttentionOp op;
  tile::OnlineSoftmax softmax;
  tile::MaskClasses mask;
  Dim i, j;
  int64_t queries, keys;  // of a tile
  int64_t members;        // invocations that share a row's softmax
  int64_t values = 0;     // d, whole register tiles
  Value memory, partial, perRow;
  Value batch, firstQuery;
  Value statRow, member;  // of this invocation

  bool hasWeights() const { return kernel.outs.size() > 1; }
  int64_t scoreStride() const { return keys + 1; }
  int64_t scoreWords() const { return queries * scoreStride(); }
  int64_t valueDepth() const {  // divides `keys`
    return int64_t(std::bit_floor(uint64_t(std::clamp<int64_t>(value_words / values, 1, keys))));
  }
  Value scoreAt(Value row, Value column) { return e.add(e.mul(row, scoreStride()), column); }
  static Value first(Values values) { return values[0]; }

  void tiles(bool exact) {
    const int64_t depth = e.limits.depth, words = e.limits.invocations;
    const int64_t operands = std::max(panelSize(queries, depth) + panelSize(keys, depth), panelSize(values, valueDepth()));
    memory = e.shared(std::max(scoreWords() + operands, values / columns_unit * words));
    partial = e.shared(words);
    perRow = e.shared(queries);
    statRow = e.divide(e.invocation, members);
    member = e.remainder(e.invocation, e.constant(members));
    if (exact) return tile(e.firstItem);
    Value all = e.mul(e.dim(kernel.extentOf('b')), e.ceilDivide(e.dim(i), queries));
    e.loopFrom(e.divide(e.firstItem, queries), all, e.groups, [&](Value number) { tile(number); });
  }

  void tile(Value number) {
    Value down = e.ceilDivide(e.dim(i), queries);
    batch = e.divide(number, down);
    firstQuery = e.mul(e.remainder(number, down), queries);
    Tile scores(e, queries, keys), sums(e, queries, values);

    tile::KeyRanges range = ranges();
    Value from = e.roundDown(e.max(range.low, e.constant(0)), keys), to = e.min(range.high, e.dim(j));
    Value zero = sums.zeros()[0];
    Values start{e.constantLike(zero, tile::OnlineSoftmax::lowest), zero};
    start.append(sums.zeros());
    Values end = e.loop(from, to, keys, start, [&](Value firstKey, ValueRange so) {
      emitScores(scores, firstKey, range);
      return accumulate(sums, firstKey, so);
    });
    Value largest = end[0], total = together(end[1], zero, [&](Value x, Value y) { return e.add(x, y); });
    keep(softmax.inverse(total));
    e.barrier();
    finish(sums, ValueRange(end).drop_front(2));
    if (hasWeights()) storeWeights(scores, range, largest, softmax.inverse(total));
    e.barrier();
  }

  // ---- scores ----

  // In workgroup memory, edited and masked.
  void emitScores(Tile& scores, Value firstKey, const tile::KeyRanges& range) {
    const int64_t depth = e.limits.depth;
    const Dim features = kernel.extentOf('e');
    Values products = e.loop(e.constant(0), e.dim(features), depth, scores.zeros(), [&](Value first, ValueRange so) {
      e.barrier();
      auto element = [&](int operand, char role, Value line, Value step) {
        Value at = e.add(first, step), zero = scores.zeros()[0];
        Point point = pointAt(role, line);
        point.set('e', inside(at, features));
        Value x = point.load(operand);
        bool never = features.is_static() && features.constant % depth == 0;
        return never ? x : e.select(e.below(at, e.dim(features)), x, zero);
      };
      Panel q = fill(e, memory, scoreWords(), queries, depth, isContiguous(kernel, 0, 'e'),
                     [&](Value line, Value step) { return element(0, 'i', e.add(firstQuery, line), step); });
      Panel k = fill(e, memory, scoreWords() + panelSize(queries, depth), keys, depth, isContiguous(kernel, 1, 'e'),
                     [&](Value line, Value step) { return element(1, 'j', e.add(firstKey, line), step); });
      e.barrier();
      return scores.multiply(q, k, depth, so);
    });
    for (auto [n, product] : llvm::enumerate(products)) {
      int64_t r = int64_t(n) / scores.width(), c = int64_t(n) % scores.width();
      e.store(product, memory, scoreAt(scores.row(r), scores.column(c)));
    }
    edit(scores, firstKey, range);
    e.barrier();
  }

  // Every invocation its own scores. Blocks that the mask leaves alone are not asked about it.
  void edit(Tile& scores, Value firstKey, const tile::KeyRanges& range) {
    const bool ragged = !(j.is_static() && j.constant % keys == 0), hasMask = !op.getMask().empty();
    auto all = [&](bool masked) {
      if (!masked && !ragged && !tile::OnlineSoftmax::edits(op)) return;
      e.loop(0, scores.height() * scores.width(), 1, [&](Value slot) {
        Value width = e.constant(scores.width());
        Value row = scores.row(e.divide(slot, width)), column = scores.column(e.remainder(slot, width));
        Value at = scoreAt(row, column), key = e.add(firstKey, column);
        Point point = pointAt('i', e.add(firstQuery, row));
        point.set('j', inside(key, j));
        auto region = [&](Region& region, Value leading) { return first(point.region(region, leading, tile::attention_captured)); };
        Value valid = ragged ? e.below(key, e.dim(j)) : Value();
        e.store(softmax.score(e.load(memory, at), masked, valid, region), memory, at);
      });
    };
    if (!hasMask) return all(false);
    if (!mask.complete) return all(true);
    Value end = e.min(e.add(firstKey, keys), e.dim(j));
    Value full = arith::AndIOp::create(e.b, e.loc, e.compare(arith::CmpIPredicate::sle, range.fullLow, firstKey),
                                       e.compare(arith::CmpIPredicate::sle, end, range.fullHigh));
    auto part = [&](bool masked) {
      all(masked);
      return Values{};
    };
    e.choose(full, TypeRange{}, [&] { return part(false); }, [&] { return part(true); });
  }

  // ---- softmax so far ----

  // so: the row's largest, this invocation's part of its total, sums.
  Values accumulate(Tile& sums, Value firstKey, ValueRange so) {
    Value before = so[0], total = so[1];
    Value dead = e.constantLike(total, tile::OnlineSoftmax::dead);
    auto larger = [&](Value x, Value y) { return e.max(x, y); };
    Value own = overOwn({dead}, [&](Value at, ValueRange so) { return Values{larger(so[0], e.load(memory, at))}; })[0];
    Value largest = e.max(softmax.largest(together(own, dead, larger)), before);
    Value shrink = softmax.shrink(before, largest), offset = e.neg(largest);
    total = overOwn({e.mul(total, shrink)}, [&](Value at, ValueRange so) {
      Value weight = softmax.weight(e.load(memory, at), offset);
      e.store(weight, memory, at);
      return Values{e.add(so[0], weight)};
    })[0];
    keep(shrink);
    e.barrier();
    Values scaled(so.drop_front(2));
    for (auto [n, sum] : llvm::enumerate(scaled))
      sum = e.mul(sum, e.load(perRow, sums.row(int64_t(n) / sums.width())));
    scaled = addValues(sums, firstKey, scaled);
    Values next{largest, total};
    next.append(scaled);
    return next;
  }

  // This invocation's columns of its row of scores.
  Values overOwn(ValueRange carried, llvm::function_ref<Values(Value at, ValueRange)> body) {
    return e.loop(member, e.constant(keys), members, carried,
                  [&](Value column, ValueRange so) { return body(scoreAt(statRow, column), so); });
  }
  // Over the members of a row, the same for all of them.
  Value together(Value own, Value neutral, llvm::function_ref<Value(Value, Value)> combine) {
    e.store(own, partial, e.invocation);
    e.barrier();
    Value start = e.mul(statRow, members), all = neutral;
    for (int64_t n = 0; n < members; ++n) all = combine(all, e.load(partial, e.add(start, n)));
    return all;
  }
  void keep(Value x) {
    e.when(e.equal(member, e.constant(0)), [&] { e.store(x, perRow, statRow); });
  }

  Values addValues(Tile& sums, Value firstKey, ValueRange start) {
    const int64_t depth = valueDepth();
    Value zero = sums.zeros()[0];
    return e.loop(e.constant(0), e.constant(keys), depth, start, [&](Value firstRow, ValueRange so) {
      Panel v = fill(e, memory, scoreWords(), values, depth, !isContiguous(kernel, 2, 'd'), [&](Value line, Value step) {
        Value key = e.add(e.add(firstKey, firstRow), step);
        Point point = pointAt('j', key);
        Dim d = kernel.extentOf('d');
        point.set('d', inside(line, d));
        Value x = point.load(2);
        return e.select(e.below(key, e.dim(j)), x, zero);
      });
      e.barrier();
      Values next = sums.multiply({memory, 0, 1, scoreStride(), firstRow}, v, depth, so);
      e.barrier();
      return next;
    });
  }

  // ---- results ----

  void finish(Tile& sums, ValueRange all) {
    for (int64_t r = 0; r < sums.height(); ++r) {
      Value row = sums.row(r), query = e.add(firstQuery, row), inverse = e.load(perRow, row);
      ValueRange some = all.slice(size_t(r * sums.width()), size_t(sums.width()));
      sums.each(some, memory, [&](Value, Value column, Value sum) {
        Value exists = arith::AndIOp::create(e.b, e.loc, e.below(query, e.dim(i)),
                                             e.below(column, e.dim(kernel.extentOf('d'))));
        e.when(exists, [&] {
          Point point = pointAt('i', query);
          point.set('d', column);
          point.store(0, first(point.region(op.getEpilogue(), e.mul(sum, inverse), tile::attention_captured)));
        });
      });
    }
  }

  // outs[1], of all keys: dead ones get their zeros.
  void storeWeights(Tile& scores, const tile::KeyRanges& range, Value largest, Value inverse) {
    Value offset = e.neg(largest), exists = e.below(e.add(firstQuery, statRow), e.dim(i));
    e.loop(e.constant(0), e.dim(j), keys, [&](Value firstKey) {
      emitScores(scores, firstKey, range);
      overOwn({}, [&](Value at, ValueRange) {
        Value key = e.add(firstKey, e.sub(at, e.mul(statRow, scoreStride())));
        Value weight = e.mul(softmax.weight(e.load(memory, at), offset), inverse);
        e.when(arith::AndIOp::create(e.b, e.loc, exists, e.below(key, e.dim(j))), [&] {
          Point point = pointAt('i', e.add(firstQuery, statRow));
          point.set('j', key);
          point.store(1, weight);
        });
        return Values{};
      });
    });
  }

  // ---- places ----

  Value inside(Value at, const Dim& extent) { return e.min(at, e.sub(e.dim(extent), e.constant(1))); }
  // What lies beyond the last one reads the last one.
  Point pointAt(char role, Value number) {
    Point point(e);
    point.set('b', batch);
    point.set(role, inside(number, kernel.extentOf(role)));
    return point;
  }

  tile::KeyRanges ranges() {
    Value end = e.min(e.add(firstQuery, queries), e.dim(i));
    return tile::keyRanges(e, mask, firstQuery, end, e.dim(j), [&](const tile::IntegerSum& sum) {
      Value value = e.dim(sum.constant);
      Point point(e);
      point.set('b', batch);
      for (auto [digit, factor] : llvm::enumerate(sum.digits))
        if (factor) value = e.add(value, e.mul(point.digit(int(digit)), factor));
      for (auto [operand, factor] : sum.elements) value = e.add(value, e.mul(e.toIndex(point.load(operand)), factor));
      return value;
    });
  }
};

}  // namespace

Lowering lowerAttention(const tile::Kernel& kernel, const Target& target, ModuleOp module) {
  return Attention(kernel, target, module).lower();
}

}  // namespace heed::gpu
