// Attention of so few keys that a row's scores are a part of one vector: a query at a time, its
// scores by vectors along the features, as keys in columns would leave most lanes idle, and from
// scores to result in registers.
#include "heed/compiler/lower/cpu/attention.h"
#include "heed/compiler/lower/cpu/place.h"
#include "heed/compiler/lower/cpu/transpose.h"
#include "heed/compiler/lower/tile/online_softmax.h"

using namespace mlir;

namespace heed::cpu {

namespace {

// f of the four lanes of each 128-bit quarter, in all of them.
Value overQuarters(Emit& e, Value x, llvm::function_ref<Value(Value, Value)> f) {
  x = f(x, withinQuarters(e, x, x, {1, 0, 3, 2}));
  return f(x, withinQuarters(e, x, x, {2, 3, 0, 1}));
}

}  // namespace

// Lane l: the score of key l mod 4. `keys` is the address of the first one.
Value AttentionTile::fewScores(Value q, Value row, Value k, Value keys, Value stride) {
  const std::int64_t count = blocking.keys.constant;
  std::array<Value, AttentionBlocking::mostFewKeys> sums;
  for (std::int64_t feature = 0; feature < blocking.features; feature += e.lanes()) {
    Value lanes = lanesOf(blocking.features, feature);
    Value x = e.load(q, e.add(row, feature), lanes);
    for (std::int64_t key = 0; key < count; ++key) {
      Value y = e.load(k, e.add(e.add(keys, e.mul(stride, key)), feature), lanes);
      sums[key] = sums[key] ? e.fma(x, y, sums[key]) : e.mul(x, y);
    }
  }
  for (std::size_t n = count; n < sums.size(); ++n) sums[n] = sums[n % count];
  return sumsOfFour(e, sums);
}

LogicalResult AttentionTile::emitFewKeys() {
  Type f = e.bufferType(e.f32), i = e.index;
  Values all = e.beginFunction(name("few"), kernelBuffers({f, f, f, f, i, i, i, i, i, i, i}));
  ValueRange values(all), arguments = values.take_back(11), buffers = values.drop_back(11);
  Value s = arguments[0], q = arguments[1], k = arguments[2], v = arguments[3];
  Value batch = arguments[4], query = arguments[5], queryAt = arguments[7],
        queryStride = arguments[8], firstKey = arguments[9], firstValue = arguments[10];
  Value keyStride = e.dim(blocking.keyRow), valueStride = e.dim(blocking.valueRow);
  const std::int64_t keys = blocking.keys.constant;
  auto op = cast<ir::AttentionOp>(e.kernel.op);
  tile::OnlineSoftmax softmax(e, op);
  bool failed = false;
  e.loop(e.constant(0), arguments[6], 1, [&](Value r) {
    Value row = e.add(query, r);
    Value x = fewScores(q, e.add(queryAt, e.mul(r, queryStride)), k, firstKey, keyStride);
    x = edited(x, s, buffers, batch, row, e.constant(0), !op.getMask().empty(), lanesOf(keys, 0));
    failed |= !x;
    if (failed) return;
    Value most = overQuarters(e, x, [&](Value x, Value y) { return e.max(x, y); });
    x = softmax.weight(x, e.neg(softmax.largest(most)));
    Value total = overQuarters(e, x, [&](Value x, Value y) { return e.add(x, y); });
    x = e.mul(x, e.broadcast(softmax.inverse(vector::ExtractOp::create(e.b, e.loc, total, 0))));
    Values weights;
    for (std::int64_t key = 0; key < keys; ++key)
      weights.push_back(e.broadcast(vector::ExtractOp::create(e.b, e.loc, x, key)));
    failed |= mlir::failed(finishRow(buffers, batch, row, [&](std::int64_t d) {
      Value sum;
      for (auto [key, weight] : llvm::enumerate(weights)) {
        Value y = e.load(v, e.add(e.add(firstValue, e.mul(valueStride, key)), d),
                         lanesOf(blocking.values, d));
        sum = sum ? e.fma(weight, y, sum) : e.mul(weight, y);
      }
      return sum;
    }));
  });
  e.finishFunction();
  return failure(failed);
}

}  // namespace heed::cpu
