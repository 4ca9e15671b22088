// heed.attention: a workgroup computes a tile of queries of one batch index. Blocks of keys pass
// by: their scores meet in workgroup memory, where a few invocations a row find the row's largest
// and the weights; sums of values stay in registers. What scores, masks and softmax mean is
// tile::OnlineSoftmax's and the regions' business.
#include "heed/compiler/lower/gpu/attention_tiles.h"
#include "heed/compiler/lower/gpu/kinds.h"
#include "heed/compiler/lower/gpu/point.h"
#include "heed/compiler/lower/tile/masks.h"
#include "heed/compiler/lower/tile/online_softmax.h"

using namespace mlir;

namespace heed::gpu {
namespace {

class Attention {
 public:
  Attention(const tile::Kernel& kernel, const Target& target, ModuleOp module)
      : kernel(kernel),
        e(kernel, target, module),
        op(cast<ir::AttentionOp>(kernel.op)),
        softmax(e, op),
        mask(tile::classifyMask(kernel, op.getMask())),
        i(kernel.extentOf('i')),
        j(kernel.extentOf('j')),
        features(kernel.extentOf('e')),
        tiles(kernel, target.workgroups),
        members(tiles.invocations / tiles.queries) {
    e.limits.invocations = tiles.invocations;
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
  const tile::Kernel& kernel;
  Simt e;
  ir::AttentionOp op;
  tile::OnlineSoftmax softmax;
  tile::MaskClasses mask;
  Dim i, j, features;
  AttentionTiles tiles;
  int64_t members;      // invocations that share a row's softmax
  Reads reads[3] = {};  // of q, k, v
  Value fours, words, partial, perRow;
  Value batch, firstQuery;
  Value statRow, member;  // of this invocation

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

  Tile scoresTile() { return Tile(e, tiles.queries, tiles.keys, tiles.across); }
  Tile sumsTile() { return Tile(e, tiles.queries, tiles.values, tiles.wide); }
  bool hasWeights() const { return kernel.outs.size() > 1; }
  // The four of scores with a column that is a multiple of 4.
  Value scoresAt(Value row, Value column) {
    return e.add(e.add(e.mul(row, tiles.scoreStride()), e.divide(column, 4)), tiles.scoresAt());
  }
  static Value first(Values values) { return values[0]; }

  void all(bool exact) {
    fours = e.shared(tiles.fours(), e.four());
    words = e.shared(sumsTile().eachWords());
    partial = e.shared(tiles.invocations);
    perRow = e.shared(tiles.queries);
    statRow = e.divide(e.invocation, members);
    member = e.remainder(e.invocation, e.constant(members));
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

  void putScores(ValueRange products, Value firstKey, const tile::KeyRanges& range) {
    Tile scores = scoresTile();
    for (int64_t r = 0; r < scores.height(); ++r)
      for (int64_t c = 0; c < scores.width(); c += 4)
        e.store(e.fours(products.slice(size_t(r * scores.width() + c), 4)), fours,
                scoresAt(scores.row(r), scores.column(c)));
    edit(scores, firstKey, range);
    e.barrier();
  }

  // Every invocation its own scores. Blocks of keys that all exist and that the mask leaves alone
  // are not asked.
  void edit(Tile& scores, Value firstKey, const tile::KeyRanges& range) {
    const bool ragged = !(j.is_static() && j.constant % tiles.keys == 0),
               masks = !op.getMask().empty();
    auto all = [&](bool masked, bool ragged) {
      if (!masked && !ragged && !tile::OnlineSoftmax::edits(op)) return;
      const int64_t across = scores.width() / 4;
      e.loop(0, scores.height() * across, 1, [&](Value slot) {
        Value row = scores.row(e.divide(slot, across)),
              column = scores.column(e.mul(e.remainder(slot, e.constant(across)), 4));
        Value at = scoresAt(row, column);
        Values edited = e.parts(e.load(fours, at));
        for (auto [n, x] : llvm::enumerate(edited)) {
          Value key = e.add(firstKey, e.add(column, int64_t(n)));
          Point point = pointAt('i', e.add(firstQuery, row));
          point.set('j', e.inside(key, j));
          auto region = [&](Region& region, Value leading, Value live) {
            return first(point.region(region, leading, tile::attention_captured, live));
          };
          Value valid = ragged ? e.below(key, e.dim(j)) : Value();
          x = softmax.score(x, masked, valid, region);
        }
        e.store(e.fours(edited), fours, at);
      });
    };
    const bool undecided = masks && !mask.complete;
    if (undecided || (!masks && !ragged)) return all(masks, ragged);
    Value whole = e.compare(arith::CmpIPredicate::sle, e.add(firstKey, tiles.keys), range.fullHigh);
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

  // Scores become weights, sums so far shrink where a larger score came.
  Values weigh(Tile& sums, ValueRange so) {
    Value before = so[0], total = so[1];
    Value dead = e.constantLike(total, tile::OnlineSoftmax::dead);
    auto larger = [&](Value x, Value y) { return e.max(x, y); };
    Value own = overOwn({dead}, [&](Value at, Value, ValueRange so) {
      Values four = e.parts(e.load(fours, at));
      return Values{larger(so[0], larger(larger(four[0], four[1]), larger(four[2], four[3])))};
    })[0];
    Value largest = e.max(softmax.largest(together(own, dead, larger)), before);
    Value shrink = softmax.shrink(before, largest), offset = e.neg(largest);
    total = overOwn({e.mul(total, shrink)}, [&](Value at, Value, ValueRange so) {
      Values four = e.parts(e.load(fours, at));
      for (Value& x : four) x = softmax.weight(x, offset);
      e.store(e.fours(four), fours, at);
      Value sum = e.add(e.add(four[0], four[1]), e.add(four[2], four[3]));
      return Values{e.add(so[0], sum)};
    })[0];
    keep(shrink);
    e.barrier();
    Values next{largest, total};
    for (int64_t r = 0; r < sums.height(); ++r) {
      Value factor = e.load(perRow, sums.row(r));
      for (Value sum : so.slice(size_t(2 + r * sums.width()), size_t(sums.width())))
        next.push_back(e.mul(sum, factor));
    }
    return next;
  }

  // This invocation's fours of its row of scores: where they lie, their first column.
  Values overOwn(ValueRange carried,
                 llvm::function_ref<Values(Value at, Value column, ValueRange)> body) {
    const int64_t turns = tiles.keys / 4 / members;
    return e.loop(e.constant(0), e.constant(turns), 1, carried, [&](Value turn, ValueRange so) {
      Value column = e.mul(e.add(e.mul(turn, members), member), 4);
      return body(scoresAt(statRow, column), column, so);
    });
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
        point.store(0, first(point.region(op.getEpilogue(), result, tile::attention_captured)));
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

  // ---- places ----

  // What lies beyond the last one reads the last one.
  Point pointAt(char role, Value number) {
    Point point(e);
    point.set('b', batch);
    point.set(role, e.inside(number, kernel.extentOf(role)));
    return point;
  }

  tile::KeyRanges ranges() {
    Value end = e.min(e.add(firstQuery, tiles.queries), e.dim(i));
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
  if (!kernel.extentOf('d').is_static())
    return kernel.op->emitOpError("expected a static extent of the values");
  return Attention(kernel, target, module).lower();
}

}  // namespace heed::gpu
