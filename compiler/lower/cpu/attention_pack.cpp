// Keys and values before they are multiplied: what is packed, and what is fetched ahead of its use.
#include "heed/compiler/lower/cpu/attention.h"
#include "heed/compiler/lower/cpu/place.h"

using namespace mlir;

namespace heed::cpu {

LogicalResult AttentionTile::emitPack() {
  Type f = e.bufferType(e.f32), i = e.index;
  Values all = e.beginFunction(name("pack"), kernelBuffers({f, i, i, i, i, i}));
  ValueRange values(all), arguments = values.take_back(6), buffers = values.drop_back(6);
  Value to = arguments[0], batch = arguments[1], panels = arguments[2], rows = arguments[3];
  Value low = arguments[4], high = arguments[5];
  LogicalResult result = success();
  if (blocking.fewKeys && !blocking.keysInPlace)
    result = packRows(e, {1, 'j', 'e'}, buffers, batch, low, e.sub(high, low), to, panels,
                      e.dim(blocking.keyRow), nullptr, tile::attention_captured);
  else if (!blocking.keysInPlace)
    e.loop(low, high, blocking.width, [&](Value key) {
      PanelSource source{1, 'j', 'e'};
      source.end = high;
      source.near = blocking.ahead.rows > 0;
      packPanel(e, source, buffers, batch, key, blocking.width, to,
                e.add(panels, e.mul(key, blocking.features)), e.constant(blocking.width));
    });
  if (!blocking.valuesInPlace && succeeded(result))
    result = packRows(e, {2, 'j', 'd'}, buffers, batch, low, e.sub(high, low), to,
                      e.add(rows, e.mul(low, blocking.valueStride)),
                      e.constant(blocking.valueStride), nullptr, tile::attention_captured);
  e.finishFunction();
  return result;
}

// One loop lists keys and queries where there are as many of them: what their addresses have in
// common, such as the digits of windows, is worked out once.
void AttentionTile::emitAhead() {
  Values all = e.beginFunction(aheadName(), kernelBuffers({e.bufferType(e.index), e.index}));
  ValueRange values(all), arguments = values.take_back(2), buffers = values.drop_back(2);
  const size_t result = e.kernel.ins.size();
  const Dim keys = blocking.keys, queries = blocking.queries;
  Value queriesAt = e.dim(keys + keys);
  Value resultsAt = blocking.ahead.queries ? e.add(queriesAt, e.dim(queries)) : queriesAt;
  auto list = [&](char role, Value row, const tile::Access& access, Value buffer, Value at) {
    Place place(e, buffers);
    place.set('b', arguments[1]);
    place.set(role, row);
    e.storeScalar(e.addressOf(buffer, place.address(access)), arguments[0], e.add(at, row));
  };
  auto listKey = [&](Value row) {
    list('j', row, e.kernel.ins[1], buffers[1], e.constant(0));
    list('j', row, e.kernel.ins[2], buffers[2], e.dim(keys));
  };
  auto listQuery = [&](Value row) {
    if (blocking.ahead.queries) list('i', row, e.kernel.ins[0], buffers[0], queriesAt);
    if (blocking.ahead.results) list('i', row, e.kernel.outs[0], buffers[result], resultsAt);
  };
  const bool together = keys == queries;
  e.loop(e.constant(0), e.dim(keys), 1, [&](Value row) {
    listKey(row);
    if (together) listQuery(row);
  });
  if (!together) e.loop(e.constant(0), e.dim(queries), 1, listQuery);
  e.finishFunction();
}

}  // namespace heed::cpu
