// Sums of values by weights, and what becomes of them: results, and the weights where they are
// asked for.
#include "heed/compiler/lower/cpu/attention.h"
#include "heed/compiler/lower/cpu/place.h"
#include "heed/compiler/lower/tile/online_softmax.h"

using namespace mlir;

namespace heed::cpu {

void AttentionTile::emitValueColumns(Value first, int height, int vectors, Value column, Value last,
                                     ValueRange arguments, const Listed& listed) {
  Value s = arguments[0], v = arguments[1], block = arguments[2], low = arguments[3],
        high = arguments[4];
  Value kept = e.add(arguments[5], first), isFirst = arguments[6];
  Value scores = rowOf(first, blocking.scoresAt, blocking.scoreStride);
  Value sums = e.add(rowOf(kept, blocking.sumsAt, blocking.valueStride), column);
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
  Values total = e.unrolled(
      low, high, blocking.steps, start, [&](Value first, int64_t step, ValueRange carried) {
        Values next(carried.begin(), carried.end()), row;
        Value key = e.add(e.add(scores, first), step),
              rowAt = e.add(values, e.mul(first, valueRow));
        if (step == 0) fetchAhead(listed, e.divide(e.sub(first, low), e.constant(blocking.steps)));
        rowAt = e.add(rowAt, e.mul(valueRow, step));
        for (int n = 0; n < vectors; ++n)
          row.push_back(e.load(v, e.add(rowAt, n * e.lanes()), n + 1 < vectors ? Value() : last));
        for (int r = 0; r < height; ++r) {
          Value p = e.loadBroadcast(s, e.add(key, r * blocking.scoreStride));
          for (int n = 0; n < vectors; ++n)
            next[r * vectors + n] = e.fma(p, row[n], next[r * vectors + n]);
        }
        return next;
      });
  for (int n = 0; n < count; ++n) e.store(total[n], s, addressOf(n));
}

std::string AttentionTile::valuesName() const {
  std::string name = "values" + heightsText() + "x" + std::to_string(blocking.valueStride) + "at" +
                     std::to_string(blocking.scoresAt) + "to" + std::to_string(blocking.sumsAt) +
                     "by" + std::to_string(blocking.scoreStride);
  if (blocking.valueRow.is_static()) name += "row" + text_of(blocking.valueRow);
  if (blocking.valuesInPlace && blocking.values < blocking.valueStride)
    name += "of" + std::to_string(blocking.values);
  if (blocking.ahead.rows) name += aheadText(blocking.ahead.valueRows);
  return name;
}

void AttentionTile::emitValues() {
  Type f = e.bufferType(e.f32), i = e.index;
  Values arguments;
  llvm::SmallVector<Type> types{f, f, i, i, i, i, e.b.getI1Type(), i, i};
  if (blocking.ahead.rows) types.append({e.bufferType(i), i, i});
  if (!e.beginShared(valuesName(), types, arguments)) return;
  // Rows in place end where they end, packed ones with a vector.
  const int64_t across = blocking.valueVectors * e.lanes(),
                extent = blocking.valuesInPlace ? blocking.values : blocking.valueStride,
                whole = extent / across * across;
  auto columns = [&](Value column, int vectors, Value last) {
    overParts(arguments[8], blocking.valueRows, [&](Value part, Value first, int64_t height) {
      Value loop = e.divide(column, e.constant(across));
      loop = e.add(e.mul(loop, blocking.valueParts(blocking.heights.back())), part);
      emitValueColumns(first, int(height), vectors, column, last, arguments,
                       listedFor(arguments, loop, blocking.ahead.valueRows));
    });
  };
  e.loop(0, whole, across, [&](Value column) { columns(column, blocking.valueVectors, {}); });
  if (whole < extent)
    columns(e.constant(whole), int((blocking.valueStride - whole) / e.lanes()),
            lanesOf(extent, blocking.valueStride - e.lanes()));
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
