// Keys and values before they are multiplied: what is packed, and what is fetched ahead.
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
      source.near = blocking.fetchesNext;
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

void AttentionTile::emitFetch() {
  Values all = e.beginFunction(fetchName(), kernelBuffers({e.index, e.index, e.index}));
  ValueRange values(all), arguments = values.take_back(3), buffers = values.drop_back(3);
  e.loop(arguments[1], arguments[2], 1, [&](Value key) {
    Place place(e, buffers);
    place.set('b', arguments[0]);
    place.set('j', key);
    for (auto [operand, elements] :
         {std::pair{1, blocking.features}, std::pair{2, blocking.values}})
      e.prefetchRun(buffers[operand], place.address(e.kernel.ins[operand]), elements);
  });
  e.finishFunction();
}

}  // namespace heed::cpu
