#include "heed/compiler/lower/cpu/attention.h"
#include "heed/compiler/lower/cpu/place.h"
#include "heed/compiler/lower/tile/online_softmax.h"

using namespace mlir;

namespace heed::cpu {

namespace {

constexpr int row_unroll = 4;          // vectors of a row that are handled together
constexpr size_t short_region = 8;     // ops of regions that are worth unrolling

Value pairwise(Values x, llvm::function_ref<Value(Value, Value)> f) {
  while (x.size() > 1) {
    Values next;
    for (size_t n = 0; n + 1 < x.size(); n += 2) next.push_back(f(x[n], x[n + 1]));
    if (x.size() % 2) next.push_back(x.back());
    x = next;
  }
  return x[0];
}

// A product and what it is added to become one instruction where the target has it.
void contractSums(Value product) {
  auto mul = product.getDefiningOp<arith::MulFOp>();
  if (!mul) return;
  mul.setFastmath(arith::FastMathFlags::contract);
  for (Operation* user : product.getUsers())
    if (auto sum = dyn_cast<arith::AddFOp>(user)) sum.setFastmath(arith::FastMathFlags::contract);
}

}  // namespace

// ---- score region and mask ----

// x becomes the score of row r and one vector of keys; `valid` are the lanes that hold keys, null
// for all. Null after a diagnostic. A lookup out of bounds is noted in S.
Value AttentionTile::edited(Value x, Value s, ValueRange buffers, Value batch, Value query,
                            Value key, bool masked, Value valid) {
  Place place(e, buffers);
  place.set('b', batch);
  place.set('i', query);
  place.setLanes('j', key, valid);
  auto bad = [&](Value lanes) {
    Value any = vector::ReductionOp::create(e.b, e.loc, vector::CombiningKind::OR, lanes);
    Value one = arith::ConstantOp::create(e.b, e.loc, e.b.getF32FloatAttr(1));
    e.when(any, [&] { e.storeScalar(one, s, e.constant(blocking.failedAt)); });
  };
  auto region = [&](Region& region, Value leading, Value live) {
    Value y = place.region(region, leading, tile::attention_captured, live, bad)[0];
    if (leading) contractSums(leading);
    return y;
  };
  return tile::OnlineSoftmax(e, cast<ir::AttentionOp>(e.kernel.op)).score(x, masked, valid, region);
}

LogicalResult AttentionTile::emitEdit(bool masked) {
  Type f = e.bufferType(e.f32), i = e.index;
  Values all = e.beginFunction(editName(masked), kernelBuffers({f, i, i, i, i, i, i}));
  ValueRange values(all), arguments = values.take_back(7), buffers = values.drop_back(7);
  Value s = arguments[0], batch = arguments[1], query = arguments[2];
  Value rows = arguments[3], keyStart = arguments[4], low = arguments[5], high = arguments[6];
  bool failed = false;
  // Columns of the last vector that lie behind the last key are dead; those behind `high` only are
  // the mask's.
  Value keysLeft = e.sub(e.dim(blocking.keys), keyStart);
  Value whole = e.min(e.roundUp(high, e.lanes()), e.roundDown(keysLeft, e.lanes()));
  Value valid = e.lanesBelow(e.sub(keysLeft, whole));
  bool tail = !(blocking.keys.is_static() && blocking.keys.constant % e.lanes() == 0);
  auto edit = [&](Value r, Value column, Value lanes) {
    Value at = e.add(rowOf(r, blocking.scoresAt, blocking.scoreStride), column);
    Value x = edited(e.load(s, at), s, buffers, batch, e.add(query, r), e.add(keyStart, column),
                     masked, lanes);
    failed |= !x;
    if (x) e.store(x, s, at);
  };
  auto overRows = [&](llvm::function_ref<void(Value)> body) {
    e.loop(e.constant(0), rows, 1, body);
  };
  if (!blocking.editsScores && !masked) {
    e.when(e.below(whole, high), [&] { overRows([&](Value r) { edit(r, whole, valid); }); });
  } else if (e.kernel.withRole('j').size() >
             1) {  // splitting keys into digits is dear: once for all rows
    e.loop(low, whole, e.lanes(),
           [&](Value column) { overRows([&](Value r) { edit(r, column, {}); }); });
    if (tail)
      e.when(e.below(whole, high), [&] { overRows([&](Value r) { edit(r, whole, valid); }); });
  } else {
    auto op = cast<ir::AttentionOp>(e.kernel.op);
    size_t work = op.getScore().front().getOperations().size() +
                  (masked ? op.getMask().front().getOperations().size() : 0);
    int64_t unroll = work <= short_region ? row_unroll : 1, step = unroll * e.lanes();
    Value unrolled = e.add(low, e.roundDown(e.sub(whole, low), step));
    overRows([&](Value r) {
      e.loop(low, unrolled, step, [&](Value column) {
        for (int64_t u = 0; u < unroll; ++u) edit(r, e.add(column, u * e.lanes()), {});
      });
      if (unroll > 1)
        e.loop(unrolled, whole, e.lanes(), [&](Value column) { edit(r, column, {}); });
      if (tail) e.when(e.below(whole, high), [&] { edit(r, whole, valid); });
    });
  }
  e.finishFunction();
  return failure(failed);
}

// ---- softmax ----

void AttentionTile::emitSoftmax() {
  Type f = e.bufferType(e.f32), i = e.index;
  Values arguments = e.beginFunction(name("softmax"), {f, i, i, i, i, e.b.getI1Type()});
  Value s = arguments[0], rows = arguments[1], low = arguments[2], tileRow = arguments[4],
        isFirst = arguments[5];
  Value end = e.roundUp(arguments[3], e.lanes());
  int64_t lanes = e.lanes(), step = row_unroll * lanes;
  Value unrolled = e.add(low, e.roundDown(e.sub(end, low), step));
  tile::OnlineSoftmax softmax(e, cast<ir::AttentionOp>(e.kernel.op));

  // the largest score of each row, and what it does to the sums so far
  e.loop(e.constant(0), rows, 1, [&](Value r) {
    Value row = rowOf(r, blocking.scoresAt, blocking.scoreStride), kept = e.add(tileRow, r);
    auto larger = [&](Value x, Value y) { return e.max(x, y); };
    Values most =
        e.loop(low, unrolled, step, Values(row_unroll, e.splat(tile::OnlineSoftmax::dead)),
               [&](Value c, ValueRange carried) {
                 Values next;
                 for (int u = 0; u < row_unroll; ++u)
                   next.push_back(e.max(e.load(s, e.add(e.add(row, c), u * lanes)), carried[u]));
                 return next;
               });
    Value largest =
        e.loop(unrolled, end, lanes, {pairwise(most, larger)}, [&](Value c, ValueRange carried) {
          return Values{e.max(e.load(s, e.add(row, c)), carried[0])};
        })[0];
    largest = softmax.largest(e.broadcast(e.largest(largest)));
    Value largestAt = rowOf(kept, blocking.largestAt, lanes),
          totalAt = rowOf(kept, blocking.totalAt, lanes);
    largest = e.choose(isFirst, Type(e.vector), [&] { return Values{largest}; }, [&] {
      Value before = e.load(s, largestAt), now = e.max(largest, before);
      Value shrink = softmax.shrink(before, now);
      e.store(e.mul(e.load(s, totalAt), shrink), s, totalAt);
      Value sums = rowOf(kept, blocking.sumsAt, blocking.valueStride);
      for (int64_t d = 0; d < blocking.valueStride; d += lanes)
        e.store(e.mul(e.load(s, e.add(sums, d)), shrink), s, e.add(sums, d));
      return Values{now};
    })[0];
    e.store(largest, s, largestAt);
  });

  e.loop(e.constant(0), rows, 1, [&](Value r) {
    Value row = rowOf(r, blocking.scoresAt, blocking.scoreStride), kept = e.add(tileRow, r);
    Value offset = e.neg(e.load(s, rowOf(kept, blocking.largestAt, lanes)));
    auto exponential = [&](Value at) {
      Value p = softmax.weight(e.load(s, at), offset);
      e.store(p, s, at);
      return p;
    };
    auto sum = [&](Value x, Value y) { return e.add(x, y); };
    Values part = e.loop(
        low, unrolled, step, Values(row_unroll, e.splat(0)), [&](Value c, ValueRange carried) {
          Values next;
          for (int u = 0; u < row_unroll; ++u)
            next.push_back(e.add(exponential(e.add(e.add(row, c), u * lanes)), carried[u]));
          return next;
        });
    Value total =
        e.loop(unrolled, end, lanes, {pairwise(part, sum)}, [&](Value c, ValueRange carried) {
          return Values{e.add(exponential(e.add(row, c)), carried[0])};
        })[0];
    Value totalAt = rowOf(kept, blocking.totalAt, lanes);
    total = e.choose(isFirst, Type(e.vector), [&] { return Values{total}; },
                     [&] { return Values{e.add(total, e.load(s, totalAt))}; })[0];
    e.store(total, s, totalAt);
  });
  e.finishFunction();
}

LogicalResult AttentionTile::emitWholeRows(bool masked) {
  Type f = e.bufferType(e.f32), i = e.index;
  Values all = e.beginFunction(wholeRowsName(masked), kernelBuffers({f, i, i, i, i}));
  ValueRange values(all), arguments = values.take_back(5), buffers = values.drop_back(5);
  Value s = arguments[0], batch = arguments[1], query = arguments[2], tileRow = arguments[4];
  const int64_t keys = blocking.keys.constant, lanes = e.lanes();
  tile::OnlineSoftmax softmax(e, cast<ir::AttentionOp>(e.kernel.op));
  bool failed = false;
  // In two loops: what follows a row's largest waits for all before it, and a core looks ahead no
  // further than one row of it all.
  e.loop(e.constant(0), arguments[3], 1, [&](Value r) {
    Value row = rowOf(r, blocking.scoresAt, blocking.scoreStride);
    Values x;
    for (int64_t key = 0; key < keys; key += lanes) {
      Value valid = keys - key < lanes ? e.lanesBelow(e.constant(keys - key)) : Value();
      x.push_back(edited(e.load(s, e.add(row, key)), s, buffers, batch, e.add(query, r),
                         e.constant(key), masked, valid));
      failed |= !x.back();
      if (failed) return;
      e.store(x.back(), s, e.add(row, key));
    }
    Value most = e.largest(pairwise(x, [&](Value x, Value y) { return e.max(x, y); }));
    Value offset = e.neg(softmax.largest(e.broadcast(most)));
    e.store(offset, s, rowOf(e.add(tileRow, r), blocking.largestAt, lanes));
  });
  e.loop(e.constant(0), arguments[3], 1, [&](Value r) {
    Value row = rowOf(r, blocking.scoresAt, blocking.scoreStride), kept = e.add(tileRow, r);
    Value offset = e.load(s, rowOf(kept, blocking.largestAt, lanes));
    Values x;
    for (int64_t key = 0; key < keys; key += lanes) {
      x.push_back(softmax.weight(e.load(s, e.add(row, key)), offset));
      e.store(x.back(), s, e.add(row, key));
    }
    e.store(pairwise(x, [&](Value x, Value y) { return e.add(x, y); }), s,
            rowOf(kept, blocking.totalAt, lanes));
  });
  e.finishFunction();
  return failure(failed);
}

void AttentionTile::emitClear() {
  Type f = e.bufferType(e.f32), i = e.index;
  Values arguments = e.beginFunction(name("clear"), {f, i, i});
  e.loop(e.constant(0), arguments[1], 1, [&](Value r) {
    Value s = arguments[0], kept = e.add(arguments[2], r);
    e.store(e.splat(tile::OnlineSoftmax::lowest), s, rowOf(kept, blocking.largestAt, e.lanes()));
    e.store(e.splat(0), s, rowOf(kept, blocking.totalAt, e.lanes()));
    for (int64_t d = 0; d < blocking.valueStride; d += e.lanes())
      e.store(e.splat(0), s, e.add(rowOf(kept, blocking.sumsAt, blocking.valueStride), d));
  });
  e.finishFunction();
}

}  // namespace heed::cpu
