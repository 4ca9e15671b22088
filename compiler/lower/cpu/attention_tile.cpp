#include "heed/compiler/lower/cpu/attention.h"

#include "heed/compiler/lower/cpu/place.h"
#include "heed/compiler/lower/tile/online_softmax.h"

using namespace mlir;

namespace heed::cpu {

// A turn of loops over features and keys. They are short: what surrounds a step counts.
constexpr int64_t steps = 4;

llvm::SmallVector<Type> AttentionTile::kernelBuffers(ArrayRef<Type> more) const {
  llvm::SmallVector<Type> types;
  for (const tile::Access& access : e.kernel.ins) types.push_back(e.bufferType(access));
  for (const tile::Access& access : e.kernel.outs) types.push_back(e.bufferType(access));
  types.append(more.begin(), more.end());
  return types;
}

// ---- scores ----

// S[r, column...] of some vectors, the first in a panel; `keys` is its address.
void AttentionTile::emitScoreVectors(int first, ValueRange rows, ValueRange arguments, Value column,
                                     int vectors) {
  const int height = int(rows.size());
  const std::int64_t panelSize = blocking.width * blocking.features;
  Value q = arguments[0], k = arguments[1], s = arguments[2];
  Value keys = e.add(arguments[4], e.mul(column, blocking.features));
  Values zero(height * vectors, e.splat(0));
  auto step = [&](Value depth, int64_t step, ValueRange carried) {
    Values sums(carried.begin(), carried.end()), columns;
    Value panel = e.add(keys, e.mul(depth, blocking.width));
    for (int v = 0; v < vectors; ++v) {
      int64_t at = v / blocking.vectors * panelSize + v % blocking.vectors * e.lanes();
      columns.push_back(e.load(k, e.add(panel, step * blocking.width + at)));
    }
    for (int r = 0; r < height; ++r) {
      Value x = e.loadBroadcast(q, e.add(rows[r], e.add(depth, step)));
      for (int v = 0; v < vectors; ++v)
        sums[r * vectors + v] = e.fma(x, columns[v], sums[r * vectors + v]);
    }
    return sums;
  };
  Values sums = e.unrolled(e.constant(0), e.constant(blocking.features), steps, zero, step);
  for (int r = 0; r < height; ++r)
    for (int v = 0; v < vectors; ++v)
      e.store(sums[r * vectors + v], s,
              e.add(column,
                    blocking.scoresAt + (first + r) * blocking.scoreStride + v * e.lanes()));
}

Value AttentionTile::lanesOf(int64_t extent, int64_t at) {
  return extent - at < e.lanes() ? e.lanesBelow(e.constant(extent - at)) : Value();
}

void AttentionTile::emitScoresInPlace(ValueRange arguments) {
  Value q = arguments[0], k = arguments[1], s = arguments[2], keys = arguments[4];
  Value stride = arguments[7];
  Values query, lanes;
  for (int64_t at = 0; at < blocking.features; at += e.lanes()) {
    lanes.push_back(lanesOf(blocking.features, at));
    query.push_back(e.load(q, e.add(arguments[3], at), lanes.back()));
  }
  const int64_t vectors = query.size();
  e.unrolled(arguments[5], arguments[6], Emit::stepsFor(vectors), {},
             [&](Value first, int64_t step, ValueRange) {
               Value column = e.add(first, step), row = e.add(keys, e.mul(column, stride)), sum;
               for (int64_t v = 0; v < vectors; ++v) {
                 Value x = e.load(k, e.add(row, v * e.lanes()), lanes[v]);
                 sum = sum ? e.fma(query[v], x, sum) : e.mul(query[v], x);
               }
               e.storeScalar(e.sum(sum), s, e.add(column, blocking.scoresAt));
               return Values{};
             });
}

std::string AttentionTile::scoresName(int64_t height) const {
  if (blocking.keysInPlace)
    return "scoresInPlaceOf" + std::to_string(blocking.features) + "at" +
           std::to_string(blocking.scoresAt);
  std::string name = "scores" + std::to_string(height) + "x" + std::to_string(blocking.width) +
                     "of" + std::to_string(blocking.features) + "at" +
                     std::to_string(blocking.scoresAt) + "by" +
                     std::to_string(blocking.scoreStride);
  for (int rest : blocking.rests) name += "r" + std::to_string(rest);
  if (queryStride().is_static()) name += "stride" + text_of(queryStride());
  return blocking.fetchesQueries() ? name + ".fetch" : name;
}

Dim AttentionTile::queryStride() const {
  return blocking.packsQueries ? Dim(blocking.features)
                               : *tile::strideAlong(e.kernel, e.kernel.ins[0], 'i');
}

// Of the next tile, whose rows lie `ahead` of these: two lines of each with every panel, keys
// `column` from the first one. A core has few buffers for lines on their way; more at a time would
// stop it.
void AttentionTile::fetchQueries(Value q, ValueRange rows, Value ahead, Value column) {
  constexpr int64_t elements = 32;
  Value from = e.mul(e.divide(column, e.constant(blocking.width)), elements);
  e.when(e.below(from, e.constant(blocking.features)), [&] {
    for (Value row : rows) e.prefetchRun(q, e.add(e.add(row, ahead), from), elements);
  });
}

void AttentionTile::emitScores(int height) {
  Type f = e.bufferType(e.f32), i = e.index;
  Values arguments;
  if (!e.beginShared(scoresName(height), {f, f, f, i, i, i, i, i}, arguments)) return;
  if (blocking.keysInPlace) {
    emitScoresInPlace(arguments);
    return e.finishFunction();
  }
  Value row = arguments[3], low = arguments[5];
  Value vectors = e.ceilDivide(arguments[6], e.lanes());
  // A constant where it can be: twelve rows would take as many registers for their addresses.
  Value stride = queryStride().is_static() ? e.dim(queryStride()) : arguments[7];
  Values rows;
  for (int r = 0; r < height; ++r) rows.push_back(e.add(row, e.mul(stride, r)));
  auto scores = [&](Value column, int vectors) {
    for (auto [first, count] : equalParts(height, tileRows(e.target, vectors))) {
      ValueRange part = ValueRange(rows).slice(first, count);
      if (blocking.fetchesQueries())
        fetchQueries(arguments[0], part, e.mul(stride, height), e.sub(column, low));
      emitScoreVectors(first, part, arguments, column, vectors);
    }
    return Values{};
  };
  Value whole = e.mul(e.divide(vectors, e.constant(blocking.vectors)), blocking.width),
        rest = e.sub(vectors, e.divide(whole, e.constant(e.lanes())));
  Value end = whole, before = e.sub(whole, e.constant(blocking.width)), joined;
  // one vector alone takes as many broadcasts as a panel
  if (llvm::is_contained(blocking.rests, 1)) {
    joined = arith::AndIOp::create(e.b, e.loc, e.equal(rest, e.constant(1)), e.below(low, whole));
    end = e.select(joined, before, whole);
  }
  e.loop(low, end, blocking.width, [&](Value column) { scores(column, blocking.vectors); });
  for (int count : blocking.rests)
    e.when(e.equal(rest, e.constant(count)), [&] {
      if (count > 1) scores(whole, count);
      else
        e.choose(joined, TypeRange{}, [&] { return scores(before, blocking.vectors + 1); },
                 [&] { return scores(whole, 1); });
    });
  e.finishFunction();
}

// ---- values ----

void AttentionTile::emitValueColumns(int height, int vectors, Value column, Value last,
                                     ValueRange arguments) {
  Value s = arguments[0], v = arguments[1], block = arguments[2], low = arguments[3],
        high = arguments[4];
  Value tileRow = arguments[5], isFirst = arguments[6], scores = arguments[8];
  Value sums = e.add(rowOf(tileRow, blocking.sumsAt, blocking.valueStride), column);
  auto addressOf = [&](int n) {
    return e.add(sums, n / vectors * blocking.valueStride + n % vectors * e.lanes());
  };
  int count = height * vectors;
  llvm::SmallVector<Type> types(count, e.vector);
  Values start = e.choose(isFirst, types, [&] { return Values(count, e.splat(0)); }, [&] {
    Values sums;
    for (int n = 0; n < count; ++n) sums.push_back(e.load(s, addressOf(n)));
    return sums;
  });
  Value values = e.add(block, column),
        valueRow = blocking.valueRow.is_static() ? e.dim(blocking.valueRow) : arguments[7];
  Values total = e.unrolled(low, high, steps, start,
                            [&](Value first, int64_t step, ValueRange carried) {
                              Values next(carried.begin(), carried.end()), row;
                              Value key = e.add(e.add(scores, first), step),
                                    rowAt = e.add(values, e.mul(first, valueRow));
                              rowAt = e.add(rowAt, e.mul(valueRow, step));
                              for (int n = 0; n < vectors; ++n)
                                row.push_back(e.load(v, e.add(rowAt, n * e.lanes()),
                                                     n + 1 < vectors ? Value() : last));
                              for (int r = 0; r < height; ++r) {
                                Value p = e.loadBroadcast(s, e.add(key, r * blocking.scoreStride));
                                for (int n = 0; n < vectors; ++n)
                                  next[r * vectors + n] = e.fma(p, row[n], next[r * vectors + n]);
                              }
                              return next;
                            });
  for (int n = 0; n < count; ++n) e.store(total[n], s, addressOf(n));
}

std::string AttentionTile::valuesName(int64_t height) const {
  std::string name = "values" + std::to_string(height) + "x" +
                     std::to_string(blocking.valueStride) + "at" + std::to_string(blocking.sumsAt) +
                     "by" + std::to_string(blocking.scoreStride);
  if (blocking.valueRow.is_static()) name += "row" + text_of(blocking.valueRow);
  if (blocking.valuesInPlace && blocking.values < blocking.valueStride)
    name += "of" + std::to_string(blocking.values);
  return name;
}

void AttentionTile::emitValues(int height) {
  Type f = e.bufferType(e.f32), i = e.index;
  Values arguments;
  if (!e.beginShared(valuesName(height), {f, f, i, i, i, i, e.b.getI1Type(), i, i}, arguments))
    return;
  // Rows in place end where they end, packed ones with a vector.
  const int64_t across = blocking.valueVectors * e.lanes(),
                extent = blocking.valuesInPlace ? blocking.values : blocking.valueStride,
                whole = extent / across * across;
  e.loop(0, whole, across, [&](Value column) {
    emitValueColumns(height, blocking.valueVectors, column, {}, arguments);
  });
  if (whole < extent)
    emitValueColumns(height, int((blocking.valueStride - whole) / e.lanes()), e.constant(whole),
                     lanesOf(extent, blocking.valueStride - e.lanes()), arguments);
  e.finishFunction();
}

LogicalResult AttentionTile::finishRow(ValueRange buffers, Value batch, Value query,
                                       llvm::function_ref<Value(int64_t d)> sumAt) {
  // The last vector overlaps the one before: masked stores to lines that are not in the cache take
  // several times as long.
  const bool overlaps = blocking.values >= e.lanes() && e.kernel.withRole('d').size() == 1;
  for (int64_t column = 0; column < blocking.values; column += e.lanes()) {
    const bool part = blocking.values - column < e.lanes();
    const int64_t d = part && overlaps ? blocking.values - e.lanes() : column;
    Place place(e, buffers);
    place.set('b', batch);
    place.set('i', query);
    place.setLanes('d', e.constant(d), lanesOf(blocking.values, d));
    Value result = place.region(cast<ir::AttentionOp>(e.kernel.op).getEpilogue(), sumAt(d),
                                tile::attention_captured)[0];
    if (!result) return failure();
    place.store(0, result);
  }
  return success();
}

LogicalResult AttentionTile::emitFinish() {
  Type f = e.bufferType(e.f32), i = e.index;
  Values all = e.beginFunction(name("finish"), kernelBuffers({f, i, i, i, i}));
  ValueRange values(all), arguments = values.take_back(5), buffers = values.drop_back(5);
  Value s = arguments[0], batch = arguments[1], query = arguments[2], tileRow = arguments[4];
  bool failed = false;
  tile::OnlineSoftmax softmax(e, cast<ir::AttentionOp>(e.kernel.op));
  e.loop(e.constant(0), arguments[3], 1, [&](Value r) {
    Value kept = e.add(tileRow, r), totalAt = rowOf(kept, blocking.totalAt, e.lanes());
    Value inverse = e.broadcast(softmax.inverse(e.sum(e.load(s, totalAt))));
    e.store(inverse, s, totalAt);  // for the weights
    Value sums = rowOf(kept, blocking.sumsAt, blocking.valueStride);
    failed |= mlir::failed(finishRow(buffers, batch, e.add(query, r), [&](int64_t d) {
      return e.mul(e.load(s, e.add(sums, d)), inverse);
    }));
  });
  e.finishFunction();
  return failure(failed);
}

// ---- weights ----

void AttentionTile::emitWeights() {
  Type f = e.bufferType(e.f32), i = e.index;
  Values all = e.beginFunction(name("weights"), kernelBuffers({f, i, i, i, i, i, i}));
  ValueRange values(all), arguments = values.take_back(7), buffers = values.drop_back(7);
  Value s = arguments[0], batch = arguments[1], query = arguments[2], keyStart = arguments[4];
  Value high = arguments[5], tileRow = arguments[6];
  tile::OnlineSoftmax softmax(e, cast<ir::AttentionOp>(e.kernel.op));
  e.loop(e.constant(0), arguments[3], 1, [&](Value r) {
    Value kept = e.add(tileRow, r), inverse = e.load(s, rowOf(kept, blocking.totalAt, e.lanes()));
    Value offset = e.neg(e.load(s, rowOf(kept, blocking.largestAt, e.lanes())));
    e.loop(e.constant(0), high, e.lanes(), [&](Value column) {
      Value x = e.load(s, e.add(rowOf(r, blocking.scoresAt, blocking.scoreStride), column));
      Value p = softmax.weight(x, offset);
      Place place(e, buffers);
      place.set('b', batch);
      place.set('i', e.add(query, r));
      bool never = blocking.keys.is_static() && blocking.keys.constant % e.lanes() == 0;
      Value key = e.add(keyStart, column);
      place.setLanes('j', key, never ? Value() : e.lanesBelow(e.sub(e.dim(blocking.keys), key)));
      place.store(1, e.mul(p, inverse));
    });
  });
  e.finishFunction();
}

}  // namespace heed::cpu
