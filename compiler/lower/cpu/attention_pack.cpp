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
  Type i = e.index;
  Values all = e.beginFunction(fetchName(), kernelBuffers({i, i, i, i, i}));
  ValueRange values(all), arguments = values.take_back(5), buffers = values.drop_back(5);
  struct Run {
    const tile::Access& access;
    Value buffer;
    int64_t elements;
  };
  auto fetch = [&](char role, Value first, Value end, ArrayRef<Run> runs) {
    e.loop(first, end, 1, [&](Value row) {
      Place place(e, buffers);
      place.set('b', arguments[0]);
      place.set(role, row);
      for (const Run& run : runs)
        e.prefetchRun(run.buffer, place.address(run.access), run.elements);
    });
  };
  const auto& ins = e.kernel.ins;
  fetch('j', arguments[1], arguments[2],
        {{ins[1], buffers[1], blocking.features}, {ins[2], buffers[2], blocking.values}});
  llvm::SmallVector<Run> runs;
  if (blocking.fetchesNextQueries) runs.push_back({ins[0], buffers[0], blocking.features});
  if (blocking.fetchesNextResults)
    runs.push_back({e.kernel.outs[0], buffers[ins.size()], blocking.values});
  if (!runs.empty()) fetch('i', arguments[3], arguments[4], runs);
  e.finishFunction();
}

}  // namespace heed::cpu
