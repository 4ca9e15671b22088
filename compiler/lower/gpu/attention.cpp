// heed.attention: a workgroup computes a tile of queries of one batch index. Blocks of keys pass
// by, their scores through workgroup memory; sums of values stay in registers.
#include "heed/compiler/lower/gpu/attention_scores.h"
#include "heed/compiler/lower/gpu/kinds.h"

using namespace mlir;

namespace heed::gpu {
namespace {

class Attention : AttentionScores {
 public:
  Attention(const tile::Kernel& kernel, const Target& target, ModuleOp module)
      : AttentionScores(kernel, target, module), features(kernel.extentOf('e')) {
    chooseReads();
  }

  Lowering lower() {
    const Dim batch = kernel.extentOf('b'), d = kernel.extentOf('d');
    const bool exact = i.is_static();
    Dim work = batch * (i + Dim(tiles.queries - 1));  // at least as many as whole tiles have
    if (work.invalid) work = batch * i;
    if (exact) work = batch * Dim((i.constant + tiles.queries - 1) / tiles.queries);
    auto lowered = e.write(work, exact ? 1 : tiles.queries, [&] { all(exact); });
    if (succeeded(lowered)) lowered->launches[0].flops = Dim(2) * batch * i * j * (features + d);
    return lowered;
  }

 private:
  Dim features;
  Reads reads[3] = {};  // of q, k, v
  Value words;          // of workgroup memory, for results on their way out

  // Features in fours, and of the values those of a key.
  void chooseReads() {
    for (int operand : {0, 1})
      if (Reads best = readsOf(e, operand, operand ? 'j' : 'i', 'e'); best.way == Reads::along_k)
        reads[operand] = best;
    const bool whole = e.limits.staged || sumsTile().width() % 4 == 0;
    if (Reads best = readsOf(e, 2, 'd', 'j'); whole && best.way == Reads::along_lines)
      reads[2] = best;
    for (int operand : {0, 1, 2})
      if (reads[operand].way != Reads::ones) e.readTogether(operand, reads[operand].together);
  }

  Tile sumsTile() { return Tile(e, tiles.queries, tiles.values, tiles.wide); }
  bool hasWeights() const { return kernel.outs.size() > 1; }

  void all(bool exact) {
    begin();
    words = e.shared(sumsTile().eachWords());
    if (exact) return tile(e.firstItem);
    Value all = e.mul(e.dim(kernel.extentOf('b')), e.ceilDivide(e.dim(i), tiles.queries));
    e.loopFrom(e.divide(e.firstItem, tiles.queries), all, e.groups,
               [&](Value number) { tile(number); });
  }

  void tile(Value number) {
    Value down = e.ceilDivide(e.dim(i), tiles.queries);
    batch = e.divide(number, down);
    firstQuery = e.mul(e.remainder(number, down), tiles.queries);
    Tile sums = sumsTile();

    tile::KeyRanges range = ranges();
    Value from = e.roundDown(e.max(range.low, e.constant(0)), tiles.keys),
          to = e.min(range.high, e.dim(j));
    Value zero = sums.zeros()[0];
    Values start{e.constantLike(zero, tile::OnlineSoftmax::lowest), zero};
    start.append(sums.zeros());
    Values end =
        tiles.whole ? passWhole(sums, range, from, to, start) : pass(sums, range, from, to, start);
    Value largest = end[0],
          total = together(end[1], zero, [&](Value x, Value y) { return e.add(x, y); });
    keep(softmax.inverse(total));
    e.barrier();
    finish(sums, ValueRange(end).drop_front(2));
    if (hasWeights()) storeWeights(range, largest, softmax.inverse(total));
    e.barrier();
  }

  // ---- operands ----

  Values query(Value line, Value at) {
    Point point = pointAt('i', e.add(firstQuery, line));
    point.set('e', at);
    return point.loads(0);
  }
  Values keyAt(Value firstKey, Value line, Value at) {
    Point point = pointAt('j', e.add(firstKey, line));
    point.set('e', at);
    return point.loads(1);
  }
  // One of the values of a key.
  Values valueAt(Value line, Value key) {
    Point point = pointAt('j', key);
    point.set('d', e.inside(line, kernel.extentOf('d'), reads[2].together));
    return point.loads(2);
  }
  Values weightAt(Value row, Value key) { return e.parts(e.load(fours, scoresAt(row, key))); }
  static constexpr Reads weight_reads{Reads::along_k, 4};

  // so: the row's largest, this invocation's part of its total, sums. Queries lie in workgroup
  // memory all the time; while keys are multiplied, the values are on their way, and then the next
  // keys.
  Values passWhole(Tile& sums, const tile::KeyRanges& range, Value from, Value to,
                   ValueRange start) {
    auto q = [&](Value line, Value at) { return query(line, at); };
    auto v = [&](Value line, Value key) { return valueAt(line, key); };
    const Source queries{reads[0], q, isContiguous(kernel, 0, 'e')},
        values{reads[2], v, !isContiguous(kernel, 2, 'd')};
    Piece query(e, queries, tiles.queries, tiles.features, features),
        value(e, values, tiles.values, tiles.keys, j);
    Value zero = e.constant(0);
    query.write(query.read(zero), zero, queryPanel());
    Values carried(start);
    carried.append(readKeys(from));
    Values end = e.loop(from, to, tiles.keys, carried, [&](Value firstKey, ValueRange so) {
      e.barrier();
      writeKeys(so.drop_front(start.size()));
      e.barrier();
      Values waiting = value.read(firstKey);
      putScores(multiplyWhole(), firstKey, range);
      const Panel panel{fours, tiles.operandsAt(), tiles.values};
      value.write(waiting, firstKey, panel);
      Values keys = readKeys(e.add(firstKey, tiles.keys));
      Values next = weigh(sums, so.take_front(start.size()));
      auto weight = [&](Value row, Value key) { return weightAt(row, key); };
      Values added = multiply(e, sums, {weight_reads, weight}, panel, tiles.keys,
                              ValueRange(next).drop_front(2));
      next.truncate(2);
      next.append(added);
      next.append(keys);
      return next;
    });
    end.truncate(start.size());
    return end;
  }
  Panel queryPanel() const { return {fours, 0, tiles.queries}; }
  Panel keyPanel() const { return {fours, tiles.operandsAt(), tiles.keys}; }

  template <class Use>
  auto withKeys(Value firstKey, Use use) {
    auto k = [&](Value line, Value at) { return keyAt(firstKey, line, at); };
    const Source source{reads[1], k, isContiguous(kernel, 1, 'e')};
    Piece piece(e, source, tiles.keys, tiles.features, features);
    return use(piece);
  }
  Values readKeys(Value firstKey) {
    return withKeys(firstKey, [&](Piece& piece) { return piece.read(e.constant(0)); });
  }
  void writeKeys(ValueRange own) {
    withKeys({}, [&](Piece& piece) { piece.write(own, e.constant(0), keyPanel()); });
  }
  Values multiplyWhole() {
    Tile scores = scoresTile();
    return multiply(e, scores, queryPanel(), keyPanel(), tiles.features, scores.zeros());
  }

  // The same with operands in pieces, or, where nothing passes through workgroup memory, without.
  Values pass(Tile& sums, const tile::KeyRanges& range, Value from, Value to, ValueRange start) {
    return e.loop(from, to, tiles.keys, start, [&](Value firstKey, ValueRange so) {
      emitScores(firstKey, range);
      Values next = weigh(sums, so);
      Values added = addValues(sums, firstKey, ValueRange(next).drop_front(2));
      next.truncate(2);
      next.append(added);
      return next;
    });
  }

  // ---- scores ----

  // In workgroup memory, edited and masked.
  void emitScores(Value firstKey, const tile::KeyRanges& range) {
    if (tiles.whole) {
      e.barrier();
      writeKeys(readKeys(firstKey));
      e.barrier();
      return putScores(multiplyWhole(), firstKey, range);
    }
    auto q = [&](Value line, Value at) { return query(line, at); };
    auto k = [&](Value line, Value at) { return keyAt(firstKey, line, at); };
    const Source queries{reads[0], q, isContiguous(kernel, 0, 'e')},
        keys{reads[1], k, isContiguous(kernel, 1, 'e')};
    Tile scores = scoresTile();
    if (e.limits.staged)
      return putScores(
          multiply(e, scores, queries, keys, features, tiles.features, fours, tiles.operandsAt()),
          firstKey, range);
    const int64_t step = features.is_static() && features.constant % 4 == 0 ? 4 : 1;
    Values products =
        scores.multiply(queries, keys, e.constant(0), e.dim(features), step, scores.zeros());
    e.barrier();
    putScores(products, firstKey, range);
  }

  // ---- values ----

  Values addValues(Tile& sums, Value firstKey, ValueRange start) {
    auto value = [&](Value line, Value key) { return valueAt(line, key); };
    const Source values{reads[2], value, !isContiguous(kernel, 2, 'd')};
    if (!e.limits.staged) {  // weights of keys beyond the last one are 0
      auto weight = [&](Value row, Value key) { return weightAt(row, e.sub(key, firstKey)); };
      Value end =
          e.add(firstKey, e.roundUp(e.min(e.sub(e.dim(j), firstKey), e.constant(tiles.keys)), 4));
      Values next = sums.multiply({weight_reads, weight}, values, firstKey, end, 4, start);
      e.barrier();
      return next;
    }
    Piece piece(e, values, tiles.values, tiles.depth, j);
    const Panel panel{fours, tiles.operandsAt(), tiles.values};
    return e.loop(e.constant(0), e.constant(tiles.keys), tiles.depth, start,
                  [&](Value firstRow, ValueRange so) {
                    Value first = e.add(firstKey, firstRow);
                    piece.write(piece.read(first), first, panel);
                    e.barrier();
                    auto weight = [&](Value row, Value key) {
                      return weightAt(row, e.add(firstRow, key));
                    };
                    Values next = multiply(e, sums, {weight_reads, weight}, panel, tiles.depth, so);
                    e.barrier();
                    return next;
                  });
  }

  // ---- results ----

  void finish(Tile& sums, ValueRange all) {
    sums.each(all, words, [&](Value row, Value column, Value sum) {
      Value query = e.add(firstQuery, row);
      Value exists = arith::AndIOp::create(e.b, e.loc, e.below(query, e.dim(i)),
                                           e.below(column, e.dim(kernel.extentOf('d'))));
      e.when(exists, [&] {
        Point point = pointAt('i', query);
        point.set('d', column);
        Value result = e.mul(sum, e.load(perRow, row));
        point.store(0, point.region(op.getEpilogue(), result, tile::attention_captured)[0]);
      });
    });
  }

  // outs[1], of all keys: dead ones get their zeros.
  void storeWeights(const tile::KeyRanges& range, Value largest, Value inverse) {
    Value offset = e.neg(largest), exists = e.below(e.add(firstQuery, statRow), e.dim(i));
    e.loop(e.constant(0), e.dim(j), tiles.keys, [&](Value firstKey) {
      emitScores(firstKey, range);
      overOwn({}, [&](Value at, Value column, ValueRange) {
        for (auto [n, score] : llvm::enumerate(e.parts(e.load(fours, at)))) {
          Value key = e.add(firstKey, e.add(column, int64_t(n)));
          Value weight = e.mul(softmax.weight(score, offset), inverse);
          e.when(arith::AndIOp::create(e.b, e.loc, exists, e.below(key, e.dim(j))), [&] {
            Point point = pointAt('i', e.add(firstQuery, statRow));
            point.set('j', key);
            point.store(1, weight);
          });
        }
        return Values{};
      });
    });
  }
};

}  // namespace

Lowering lowerAttention(const tile::Kernel& kernel, const Target& target, ModuleOp module) {
  if (!kernel.extentOf('d').is_static())
    return kernel.op->emitOpError("expected a static extent of the values");
  return Attention(kernel, target, module).lower();
}

}  // namespace heed::gpu
