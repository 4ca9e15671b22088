// Products of queries and keys, and how a tile's rows are cut into what registers hold.
#include "heed/compiler/lower/cpu/attention.h"
#include "heed/compiler/lower/tile/access.h"

using namespace mlir;

namespace heed::cpu {

llvm::SmallVector<Type> AttentionTile::kernelBuffers(ArrayRef<Type> more) const {
  llvm::SmallVector<Type> types;
  for (const tile::Access& access : e.kernel.ins) types.push_back(e.bufferType(access));
  for (const tile::Access& access : e.kernel.outs) types.push_back(e.bufferType(access));
  types.append(more.begin(), more.end());
  return types;
}

std::string AttentionTile::heightsText() const {
  std::string text;
  for (int64_t height : blocking.heights)
    text += (text.empty() ? "" : "_") + std::to_string(height);
  return text;
}

// Loops instead of a form for every height of a tile: those have parts in common.
void AttentionTile::overParts(Value rows, int64_t most,
                              llvm::function_ref<void(Value, Value, int64_t)> body) {
  const auto heights = blocking.partHeights(most);
  Value zero = e.constant(0);
  if (llvm::all_of(blocking.heights, [&](int64_t height) { return height <= most; }))
    return e.switchOn(rows, heights, [&](int64_t height) { body(zero, zero, height); });
  const int64_t count = (blocking.heights.back() + most - 1) / most;
  Value parts = blocking.heights.front() > (count - 1) * most ? e.constant(count)
                                                              : e.ceilDivide(rows, most);
  Value height = e.divide(rows, parts), larger = e.sub(rows, e.mul(height, parts));
  e.loop(zero, parts, 1, [&](Value part) {
    Value first = e.add(e.mul(part, height), e.min(part, larger));
    Value here = e.select(e.below(part, larger), e.add(height, 1), height);
    e.switchOn(here, heights, [&](int64_t height) { body(part, first, height); });
  });
}

AttentionTile::Listed AttentionTile::listedFor(ValueRange arguments, Value loop, int64_t rows) {
  if (!blocking.ahead.rows) return {};
  ValueRange own = arguments.take_back(3);
  return {own[0], e.add(own[1], e.mul(loop, rows)), own[2]};
}

void AttentionTile::fetchAhead(const Listed& listed, Value turn) {
  constexpr int64_t line_bytes = 64;
  if (!listed.at) return;
  Value lines = e.constant(blocking.ahead.lines);
  for (int64_t n = 0; n < blocking.ahead.linesPerTurn; ++n) {
    Value line = e.add(e.mul(turn, blocking.ahead.linesPerTurn), n);
    Value row = e.min(e.add(listed.at, e.divide(line, lines)), listed.last);
    e.prefetchLine(
        e.add(e.loadScalar(listed.list, row), e.mul(e.remainder(line, lines), line_bytes)));
  }
}

// S[r, column...] of some vectors, the first in a panel; `keys` is its address.
void AttentionTile::emitScoreVectors(Value first, ValueRange rows, ValueRange arguments,
                                     Value column, int vectors, bool half, const Listed& listed) {
  const int height = int(rows.size());
  const std::int64_t panelSize = blocking.width * blocking.features;
  Value q = arguments[0], k = arguments[1], s = arguments[2];
  Value keys = e.add(arguments[4], e.mul(column, blocking.features));
  auto narrow = [&](int v) { return half && v + 1 == vectors; };
  auto lowerHalf = [&](Value x) -> Value {
    return vector::ExtractStridedSliceOp::create(e.b, e.loc, x, 0, e.lanes() / 2, 1);
  };
  auto halfOf = VectorType::get({e.lanes() / 2}, e.f32);
  Values zero(height * vectors, e.splat(0));
  for (int n = 0; n < height * vectors; ++n)
    if (narrow(n % vectors)) zero[n] = lowerHalf(zero[n]);
  auto step = [&](Value depth, int64_t step, ValueRange carried) {
    Values sums(carried.begin(), carried.end()), columns;
    Value panel = e.add(keys, e.mul(depth, blocking.width));
    if (step == 0) fetchAhead(listed, e.divide(depth, e.constant(blocking.steps)));
    for (int v = 0; v < vectors; ++v) {
      int64_t at = v / blocking.vectors * panelSize + v % blocking.vectors * e.lanes();
      columns.push_back(e.load(narrow(v) ? halfOf : e.vector, k,
                               e.add(panel, step * blocking.width + at)));
    }
    for (int r = 0; r < height; ++r) {
      Value x = e.loadBroadcast(q, e.add(rows[r], e.add(depth, step)));
      // The half first: last, its sum would take the register of x.
      for (int v = vectors - 1; v >= 0; --v)
        sums[r * vectors + v] =
            e.fma(narrow(v) ? lowerHalf(x) : x, columns[v], sums[r * vectors + v]);
    }
    return sums;
  };
  Values sums =
      e.unrolled(e.constant(0), e.constant(blocking.features), blocking.steps, zero, step);
  Value scores = e.add(rowOf(first, blocking.scoresAt, blocking.scoreStride), column);
  for (int r = 0; r < height; ++r)
    for (int v = 0; v < vectors; ++v)
      e.store(sums[r * vectors + v], s, e.add(scores, r * blocking.scoreStride + v * e.lanes()));
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

std::string AttentionTile::scoresName() const {
  if (blocking.keysInPlace)
    return "scoresInPlaceOf" + std::to_string(blocking.features) + "at" +
           std::to_string(blocking.scoresAt);
  std::string name = "scores" + heightsText() + "x" + std::to_string(blocking.width) + "of" +
                     std::to_string(blocking.features) + "at" + std::to_string(blocking.scoresAt) +
                     "by" + std::to_string(blocking.scoreStride);
  for (int rest : blocking.rests) name += "r" + std::to_string(rest);
  if (blocking.halfRest) name += "h";
  if (queryStride().is_static()) name += "stride" + text_of(queryStride());
  if (blocking.ahead.rows) name += aheadText(blocking.ahead.scoreRows);
  return blocking.fetchesQueries() ? name + ".fetch" : name;
}

std::string AttentionTile::aheadText(int64_t rows) const {
  return "ahead" + std::to_string(rows) + "of" + std::to_string(blocking.ahead.lines) + "x" +
         std::to_string(blocking.ahead.linesPerTurn);
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

void AttentionTile::emitScores() {
  Type f = e.bufferType(e.f32), i = e.index;
  Values arguments;
  llvm::SmallVector<Type> types{f, f, f, i, i, i, i, i, i};
  if (blocking.ahead.rows) types.append({e.bufferType(i), i, i});
  if (!e.beginShared(scoresName(), types, arguments)) return;
  if (blocking.keysInPlace) {
    emitScoresInPlace(arguments);
    return e.finishFunction();
  }
  Value low = arguments[5], rows = arguments[8];
  Value vectors = e.ceilDivide(arguments[6], e.lanes());
  // A constant where it can be: twelve rows would take as many registers for their addresses.
  Value stride = queryStride().is_static() ? e.dim(queryStride()) : arguments[7];
  auto scores = [&](Value column, int vectors, bool half = false) {
    const int most = vectors == blocking.vectors ? blocking.panelRows : tileRows(e.target, vectors);
    overParts(rows, most, [&](Value part, Value first, int64_t height) {
      Value row = e.add(arguments[3], e.mul(first, stride));
      Values partRows;
      for (int64_t r = 0; r < height; ++r) partRows.push_back(e.add(row, e.mul(stride, r)));
      if (blocking.fetchesQueries())
        fetchQueries(arguments[0], partRows, e.mul(stride, rows), e.sub(column, low));
      Value panel = e.divide(column, e.constant(blocking.width));
      Value loop = e.add(e.mul(panel, blocking.scoreParts(blocking.heights.back())), part);
      emitScoreVectors(first, partRows, arguments, column, vectors, half,
                       listedFor(arguments, loop, blocking.ahead.scoreRows));
    });
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
  const bool halfPanel = blocking.halfRest && blocking.rests.empty();
  if (halfPanel) end = before;
  e.loop(low, end, blocking.width, [&](Value column) { scores(column, blocking.vectors); });
  if (halfPanel) scores(before, blocking.vectors, true);
  for (int count : blocking.rests)
    e.when(e.equal(rest, e.constant(count)), [&] {
      if (count > 1) scores(whole, count, blocking.halfRest);
      else
        e.choose(joined, TypeRange{},
                 [&] { return scores(before, blocking.vectors + 1, blocking.halfRest); },
                 [&] { return scores(whole, 1, blocking.halfRest); });
    });
  e.finishFunction();
}

}  // namespace heed::cpu
