// One tile of a contraction: the sums in registers, then the epilogue. And the packing of what is not laid out for it.
#include "heed/compiler/lower/cpu/contract.h"
#include "heed/compiler/lower/cpu/place.h"
#include "heed/compiler/lower/tile/regions.h"

using namespace mlir;

namespace heed::cpu {

std::string ContractTile::sumName(int height, int vectors, int panels) const {
  std::string name = e.kernel.name + ".sum" + std::to_string(height);
  if (vectors != blocking.vectors) name += ".tail";
  return panels > 1 ? name + "x" + std::to_string(panels) : name;
}
std::string ContractTile::finishName(bool tail) const { return e.kernel.name + (tail ? ".finish.tail" : ".finish"); }
std::string ContractTile::packRowsName() const { return e.kernel.name + ".rows"; }
std::string ContractTile::packPanelName() const { return e.kernel.name + ".panel"; }

llvm::SmallVector<Type> ContractTile::kernelBuffers(std::initializer_list<Type> more) {
  llvm::SmallVector<Type> types;
  for (const tile::Access& access : e.kernel.ins) types.push_back(e.bufferType(access));
  for (const tile::Access& access : e.kernel.outs) types.push_back(e.bufferType(access));
  types.append(more);
  return types;
}

// acc[p, r, v] += a[r, i] · b[p, i, v] for i in [low, high), from zero. `ahead`, where given: what is fetched meanwhile.
Values ContractTile::sumOverDepth(Value a, Value b, ValueRange rowAddresses, Value panel, Value ahead, Value low,
                                  Value high, int vectors, int panels) {
  int height = int(rowAddresses.size()), across = panels * vectors;
  Value panelSize = e.dim(blocking.panelStride);
  Value depthStride = e.dim(blocking.depthStride);
  Values zero(height * across, e.splat(0));
  return e.unrolled(low, high, zero, [&](Value first, int64_t step, ValueRange carried) {
    Values sums(carried.begin(), carried.end()), columns;
    Value row = e.add(e.add(panel, e.mul(first, depthStride)), e.mul(depthStride, step)), i = e.add(first, step);
    if (ahead && step == 0)
      e.prefetchRun(b, e.add(ahead, e.mul(first, blocking.width / Emit::unroll)), blocking.width);
    for (int p = 0; p < panels; ++p)
      for (int v = 0; v < vectors; ++v)
        columns.push_back(e.load(b, e.add(e.add(row, e.mul(panelSize, p)), v * e.lanes())));
    for (int r = 0; r < height; ++r) {
      Value x = e.loadBroadcast(a, e.add(rowAddresses[r], i));
      for (int v = 0; v < across; ++v) sums[r * across + v] = e.fma(x, columns[v], sums[r * across + v]);
    }
    return sums;
  });
}

void ContractTile::emitSum(int height, int vectors, int panels) {
  Type buffer = e.bufferType(e.f32), i = e.index;
  Values arguments = e.beginFunction(sumName(height, vectors, panels), {buffer, buffer, buffer, i, i, i, i, i, i});
  Value a = arguments[0], b = arguments[1], s = arguments[2], row = arguments[3], panel = arguments[4];
  Value at = arguments[5], low = arguments[6], high = arguments[7];
  Value ahead = blocking.weights && panels == 1 ? arguments[8] : Value();
  Value stride = blocking.packsA ? e.dim(blocking.k) : e.dim(*tile::strideAlong(e.kernel, e.kernel.ins[0], 'm'));
  Values rows;
  for (int r = 0; r < height; ++r) rows.push_back(e.add(row, e.mul(stride, r)));
  int across = panels * vectors;
  auto storeSums = [&](const Values& sums, bool onTop) {
    for (int r = 0; r < height; ++r)
      for (int v = 0; v < across; ++v) {
        Value to = e.add(at, (v / vectors * height + r) * blocking.width + v % vectors * e.lanes());
        Value sum = sums[r * across + v];
        e.store(onTop ? e.add(e.load(s, to), sum) : sum, s, to);
      }
    return Values{};
  };
  if (!blocking.inBlocks()) {
    storeSums(sumOverDepth(a, b, rows, panel, ahead, e.constant(0), e.dim(blocking.k), vectors, panels), false);
  } else {
    Values sums = sumOverDepth(a, b, rows, panel, ahead, low, high, vectors, panels);
    e.choose(e.equal(low, e.constant(0)), TypeRange{}, [&] { return storeSums(sums, false); },
             [&] { return storeSums(sums, true); });
  }
  e.finishFunction();
}

LogicalResult ContractTile::emitFinish(bool tail) {
  Type i = e.index;
  Values arguments = e.beginFunction(finishName(tail), kernelBuffers({e.bufferType(e.f32), i, i, i, i, i}));
  ValueRange all(arguments), buffers = all.drop_back(6), rest = all.take_back(6);
  Value s = rest[0], batch = rest[1], firstRow = rest[2], rows = rest[3], firstColumn = rest[4], at = rest[5];
  bool partial = tail || !blocking.n.is_static();
  bool failed = false;
  e.loop(e.constant(0), rows, 1, [&](Value r) {
    for (int v = 0; v < (tail ? blocking.tailVectors : blocking.vectors); ++v) {
      Value column = e.add(firstColumn, v * e.lanes());
      bool whole = !partial || (blocking.n.is_static() && blocking.n.constant % e.lanes() == 0) ||
                   (tail && v + 1 < blocking.tailVectors);
      Place place(e, buffers);
      place.set('b', batch);
      place.set('m', e.add(firstRow, r));
      place.setLanes('n', column, whole ? Value() : e.lanesBelow(e.sub(e.dim(blocking.n), column)));
      Value sum = e.load(s, e.add(e.add(at, e.mul(r, blocking.width)), v * e.lanes()));
      Value result = place.region(e.kernel.op->getRegion(1), sum, tile::contract_captured);
      failed |= !result;
      if (result) place.store(0, result);
    }
  });
  e.finishFunction();
  return failure(failed);
}

LogicalResult ContractTile::emitPackRows() {
  Type i = e.index;
  Values arguments = e.beginFunction(packRowsName(), kernelBuffers({e.bufferType(e.f32), i, i, i}));
  ValueRange all(arguments), buffers = all.drop_back(4), rest = all.take_back(4);
  Value dense = rest[0], batch = rest[1], firstRow = rest[2], rows = rest[3];
  LogicalResult result = packRows(e, {0, 'm', 'k'}, buffers, batch, firstRow, rows, dense, e.constant(0),
                                  e.dim(blocking.k), &e.kernel.op->getRegion(0), 2);
  e.finishFunction();
  return result;
}

void ContractTile::emitPackPanel() {
  Values arguments = e.beginFunction(packPanelName(), kernelBuffers({e.bufferType(e.f32), e.index, e.index, e.index}));
  ValueRange all(arguments), buffers = all.drop_back(4), rest = all.take_back(4);
  Value firstColumn = e.mul(rest[2], blocking.width);
  packPanel(e, {1, 'n', 'k'}, buffers, rest[1], firstColumn, blocking.width, rest[0], rest[3],
            e.constant(blocking.width));
  e.finishFunction();
}

}  // namespace heed::cpu
