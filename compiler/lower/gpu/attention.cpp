// heed.attention: a workgroup computes a tile of queries of one batch index. Blocks of keys pass
// by: their scores meet in workgroup memory, where a few invocations a row find the row's largest
// and the weights; sums of values stay in registers. What scores, masks and softmax mean is
// tile::OnlineSoftmax's and the regions' business.
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

constexpr int64_t value_words = 2048;  // of workgroup memory for a piece of the values

class Attention {
 public:
  Attention(const tile::Kernel& kernel, const Target& target, ModuleOp module)
      : kernel(kernel),
        e(kernel, target, module),
        op(cast<ir::AttentionOp>(kernel.op)),
        softmax(e, op),
        mask(tile::classifyMask(kernel, op.getMask())),
        i(kernel.extentOf('i')), j(kernel.extentOf('j')), features(kernel.extentOf('e')),
        fewest(e.limits.invocations / e.limits.across),
        queries(fitting(i, fewest, e.limits.queries)),
        keys(fitting(j, e.limits.across, e.limits.keys)) {}

  Lowering lower() {
    const Dim batch = kernel.extentOf('b'), d = kernel.extentOf('d');
    if (!d.is_static()) return op.emitOpError("expected a static extent of the values");
    values = (d.constant + e.limits.across - 1) / e.limits.across * e.limits.across;
    bool exact = i.is_static();
    auto waits = [&] {
      return exact && batch.is_static() && batch.constant * tilesOf(i, queries) < e.limits.enough;
    };
    while (waits() && queries > e.limits.least) queries /= 2;
    while (words() * int64_t(sizeof(float)) > e.limits.shared_bytes && queries > fewest)
      (keys > queries ? keys : queries) /= 2;
    members = e.limits.invocations / queries;
    chooseReads();
    Dim work = exact ? batch * Dim(tilesOf(i, queries)) : batch * i;
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
  Dim i, j, features;
  int64_t fewest, queries, keys;  // of a tile; fewest: queries
  int64_t members = 0;            // invocations that share a row's softmax
  int64_t values = 0;             // d, whole register tiles
  Reads reads[3] = {};            // of q, k, v
  Value memory, partial, perRow;
  Value batch, firstQuery;
  Value statRow, member;  // of this invocation

  // Features in fours, and of the values those of a key.
  void chooseReads() {
    for (int operand : {0, 1})
      if (Reads best = readsOf(e, operand, operand ? 'j' : 'i', 'e'); best.way == Reads::along_k)
        reads[operand] = best;
    const bool whole = e.limits.staged || Tile(e, queries, values).width() % 4 == 0;
    if (Reads best = readsOf(e, 2, 'd', 'j'); whole && best.way == Reads::along_lines)
      reads[2] = best;
    for (int operand : {0, 1, 2})
      if (reads[operand].way != Reads::ones) e.readTogether(operand, reads[operand].together);
  }

  bool hasWeights() const { return kernel.outs.size() > 1; }
  // Neighbours who share out rows among `members` meet different banks.
  int64_t scoreStride() const { return keys + e.limits.invocations / queries; }
  int64_t scoreWords() const { return queries * scoreStride(); }
  int64_t valueDepth() const {  // divides `keys`
    return int64_t(std::bit_floor(uint64_t(std::clamp<int64_t>(value_words / values, 1, keys))));
  }
  // Of workgroup memory: scores beside pieces of operands, before them room for results on their
  // way out; statistics.
  int64_t mainWords() {
    const int64_t depth = e.limits.depth;
    int64_t operands = std::max(panelSize(queries, depth) + panelSize(keys, depth),
                                panelSize(values, valueDepth()));
    return std::max(scoreWords() + (e.limits.staged ? operands : 0),
                    Tile(e, queries, values).eachWords());
  }
  int64_t words() { return mainWords() + e.limits.invocations + queries; }

  Value scoreAt(Value row, Value column) { return e.add(e.mul(row, scoreStride()), column); }
  static Value first(Values values) { return values[0]; }

  void tiles(bool exact) {
    memory = e.shared(mainWords());
    partial = e.shared(e.limits.invocations);
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
    Value from = e.roundDown(e.max(range.low, e.constant(0)), keys),
          to = e.min(range.high, e.dim(j));
    Value zero = sums.zeros()[0];
    Values start{e.constantLike(zero, tile::OnlineSoftmax::lowest), zero};
    start.append(sums.zeros());
    Values end = e.loop(from, to, keys, start, [&](Value firstKey, ValueRange so) {
      emitScores(scores, firstKey, range);
      return accumulate(sums, firstKey, so);
    });
    Value largest = end[0],
          total = together(end[1], zero, [&](Value x, Value y) { return e.add(x, y); });
    keep(softmax.inverse(total));
    e.barrier();
    finish(sums, ValueRange(end).drop_front(2));
    if (hasWeights()) storeWeights(scores, range, largest, softmax.inverse(total));
    e.barrier();
  }

  // ---- scores ----

  // In workgroup memory, edited and masked.
  void emitScores(Tile& scores, Value firstKey, const tile::KeyRanges& range) {
    auto elements = [&](int operand, Value line, Value at) {
      Point point =
          operand ? pointAt('j', e.add(firstKey, line)) : pointAt('i', e.add(firstQuery, line));
      point.set('e', at);
      return point.loads(operand);
    };
    auto q = [&](Value line, Value at) { return elements(0, line, at); };
    auto k = [&](Value line, Value at) { return elements(1, line, at); };
    Values products = scores.multiply({reads[0], q, isContiguous(kernel, 0, 'e')},
                                      {reads[1], k, isContiguous(kernel, 1, 'e')}, features, memory,
                                      scoreWords());
    if (!e.limits.staged) e.barrier();
    for (auto [n, product] : llvm::enumerate(products)) {
      int64_t r = int64_t(n) / scores.width(), c = int64_t(n) % scores.width();
      e.store(product, memory, scoreAt(scores.row(r), scores.column(c)));
    }
    edit(scores, firstKey, range);
    e.barrier();
  }

  // Every invocation its own scores. Blocks of keys that all exist and that the mask leaves alone
  // are not asked.
  void edit(Tile& scores, Value firstKey, const tile::KeyRanges& range) {
    const bool ragged = !(j.is_static() && j.constant % keys == 0), masks = !op.getMask().empty();
    auto all = [&](bool masked, bool ragged) {
      if (!masked && !ragged && !tile::OnlineSoftmax::edits(op)) return;
      e.loop(0, scores.height() * scores.width(), 1, [&](Value slot) {
        Value width = e.constant(scores.width());
        Value row = scores.row(e.divide(slot, width)),
              column = scores.column(e.remainder(slot, width));
        Value at = scoreAt(row, column), key = e.add(firstKey, column);
        Point point = pointAt('i', e.add(firstQuery, row));
        point.set('j', e.inside(key, j));
        auto region = [&](Region& region, Value leading, Value live) {
          return first(point.region(region, leading, tile::attention_captured, live));
        };
        Value valid = ragged ? e.below(key, e.dim(j)) : Value();
        e.store(softmax.score(e.load(memory, at), masked, valid, region), memory, at);
      });
    };
    const bool undecided = masks && !mask.complete;
    if (undecided || (!masks && !ragged)) return all(masks, ragged);
    Value whole = e.compare(arith::CmpIPredicate::sle, e.add(firstKey, keys), range.fullHigh);
    if (masks)
      whole = arith::AndIOp::create(
          e.b, e.loc, e.compare(arith::CmpIPredicate::sle, range.fullLow, firstKey), whole);
    auto part = [&](bool asked) {
      all(asked && masks, asked && ragged);
      return Values{};
    };
    e.choose(whole, TypeRange{}, [&] { return part(false); }, [&] { return part(true); });
  }

  // ---- softmax so far ----

  // so: the row's largest, this invocation's part of its total, sums.
  Values accumulate(Tile& sums, Value firstKey, ValueRange so) {
    Value before = so[0], total = so[1];
    Value dead = e.constantLike(total, tile::OnlineSoftmax::dead);
    auto larger = [&](Value x, Value y) { return e.max(x, y); };
    Value own = overOwn({dead}, [&](Value at, ValueRange so) {
      return Values{larger(so[0], e.load(memory, at))};
    })[0];
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
    const Dim d = kernel.extentOf('d');
    auto value = [&](Value line, Value key) {
      Point point = pointAt('j', e.add(firstKey, key));
      point.set('d', e.inside(line, d, reads[2].together));
      return point.loads(2);
    };
    auto weightFrom = [&](Value firstRow) {
      return [this, firstRow](Value row, Value key) {
        return Values{e.load(memory, scoreAt(row, e.add(firstRow, key)))};
      };
    };
    if (!e.limits.staged) {  // weights of keys beyond the last one are 0
      Value end = e.roundUp(e.min(e.sub(e.dim(j), firstKey), e.constant(keys)), 4);
      auto weight = weightFrom(e.constant(0));
      Values next = sums.multiply({{}, weight}, {reads[2], value}, e.constant(0), end, 4, start);
      e.barrier();
      return next;
    }
    const int64_t depth = valueDepth();
    return e.loop(
        e.constant(0), e.constant(keys), depth, start, [&](Value firstRow, ValueRange so) {
          auto piece = [&](Value line, Value step) {
            Value key = e.add(firstRow, step);
            Values found = value(line, key);
            for (Value& x : found)
              x = e.select(e.below(e.add(firstKey, key), e.dim(j)), x, e.constantLike(x, 0));
            return found;
          };
          Panel v = fill(e, memory, scoreWords(), values, depth,
                         {reads[2], piece, !isContiguous(kernel, 2, 'd')});
          e.barrier();
          auto weight = weightFrom(firstRow);
          auto right = [&](Value line, Value step) { return Values{v.element(e, line, step)}; };
          Values next =
              sums.multiply({{}, weight}, {{}, right}, e.constant(0), e.constant(depth), 1, so);
          e.barrier();
          return next;
        });
  }

  // ---- results ----

  void finish(Tile& sums, ValueRange all) {
    sums.each(all, memory, [&](Value row, Value column, Value sum) {
      Value query = e.add(firstQuery, row);
      Value exists = arith::AndIOp::create(e.b, e.loc, e.below(query, e.dim(i)),
                                           e.below(column, e.dim(kernel.extentOf('d'))));
      e.when(exists, [&] {
        Point point = pointAt('i', query);
        point.set('d', column);
        Value result = e.mul(sum, e.load(perRow, row));
        point.store(0, first(point.region(op.getEpilogue(), result, tile::attention_captured)));
      });
    });
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

  // What lies beyond the last one reads the last one.
  Point pointAt(char role, Value number) {
    Point point(e);
    point.set('b', batch);
    point.set(role, e.inside(number, kernel.extentOf(role)));
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
      for (auto [operand, factor] : sum.elements)
        value = e.add(value, e.mul(e.toIndex(point.load(operand)), factor));
      return value;
    });
  }
};

}  // namespace

Lowering lowerAttention(const tile::Kernel& kernel, const Target& target, ModuleOp module) {
  return Attention(kernel, target, module).lower();
}

}  // namespace heed::gpu
