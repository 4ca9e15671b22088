// One tile of a contraction: the sums in registers, then the epilogue. And the packing of what is
// not laid out for it.
#include "heed/compiler/lower/cpu/contract.h"
#include "heed/compiler/lower/cpu/place.h"
#include "heed/compiler/lower/tile/regions.h"

using namespace mlir;

namespace heed::cpu {

std::string ContractTile::sumName(int height, int vectors, int panels) const {
  std::string name = "sum" + std::to_string(height) + "x" + std::to_string(vectors * e.lanes()) +
                     "of" + std::to_string(blocking.width);
  if (blocking.depthStride != blocking.width) name += "by" + std::to_string(blocking.depthStride);
  if (blocking.runs) name += "runs";
  else if (knowsStride(height)) name += "stride" + text_of(rowStride());
  if (panels > 1) name += "x" + std::to_string(panels);
  if (!fetches(panels)) return name;
  return name + (blocking.fetchesA ? ".ahead" : ".fetch");
}
Dim ContractTile::rowStride() const {
  return blocking.preparesA() ? blocking.k : *tile::strideAlong(e.kernel, e.kernel.ins[0], 'm');
}
std::string ContractTile::finishName(bool tail) const {
  return e.kernel.name + (tail ? ".finish.tail" : ".finish");
}
std::string ContractTile::packRowsName() const { return e.kernel.name + ".rows"; }
std::string ContractTile::packPanelName() const { return e.kernel.name + ".panel"; }

llvm::SmallVector<Type> ContractTile::kernelBuffers(std::initializer_list<Type> more) {
  llvm::SmallVector<Type> types;
  for (const tile::Access& access : e.kernel.ins) types.push_back(e.bufferType(access));
  for (const tile::Access& access : e.kernel.outs) types.push_back(e.bufferType(access));
  types.append(more);
  return types;
}

// acc[p, r, v] += a[r, i] · b[p, i, v] for i in [low, high), from zero.
Values ContractTile::sumOverDepth(const Sum& sum) {
  Values rows;
  for (int r = 0; r < sum.height; ++r) rows.push_back(e.add(sum.row, e.mul(sum.rowStride, r)));
  Values zero(sum.height * sum.panels * sum.vectors, e.splat(0));
  return sumRange(sum, rows, sum.panel, sum.beside, sum.low, sum.high, zero);
}

// The same, run by run; sum.rowStride is their length.
Values ContractTile::sumOverRuns(const Sum& sum) {
  Value length = sum.rowStride;
  Values rows, zero(sum.height * sum.panels * sum.vectors, e.splat(0));
  for (int r = 0; r < sum.height; ++r) rows.push_back(e.loadScalar(sum.offsets, e.add(sum.row, r)));
  return e.loop(
      e.divide(sum.low, length), e.ceilDivide(sum.high, length), 1, zero,
      [&](Value run, ValueRange carried) {
        Value first = e.mul(run, length), step = e.loadScalar(sum.offsets, e.add(sum.runs, run));
        Values ofRun;
        for (Value row : rows) ofRun.push_back(e.add(row, step));
        Value panel = e.add(sum.panel, e.mul(first, blocking.depthStride));
        Value low = e.max(e.sub(sum.low, first), e.constant(0)), ahead = sum.beside;
        if (fetches(sum.panels))
          ahead = e.add(ahead, e.mul(e.sub(e.add(first, low), sum.low), sum.fetched));
        return sumRange(sum, ofRun, panel, ahead, low, e.min(e.sub(sum.high, first), length),
                        carried);
      });
}

// The addresses of b's row and of what is fetched are carried along: worked out from the step, they
// cost 2 to 4 % of the time where another thread shares the core.
Values ContractTile::sumRange(const Sum& sum, ValueRange rows, Value panel, Value ahead, Value low,
                              Value high, ValueRange sumsBefore) {
  int across = sum.panels * sum.vectors;
  int64_t steps = Emit::stepsFor(sum.height * across),
          most = blocking.fetchesA ? steps * sum.height
                                   : steps * blocking.width / ContractBlocking::fetch_parts;
  Values all(sumsBefore.begin(), sumsBefore.end());
  all.push_back(e.add(panel, e.mul(low, blocking.depthStride)));
  all.push_back(ahead);
  all = e.unrolled(low, high, steps, all, [&](Value first, int64_t step, ValueRange carried) {
    Values sums(carried.drop_back(2)), columns;
    Value i = e.add(first, step), row = carried.drop_back().back(), next = carried.back();
    if (fetches(sum.panels) && step == 0)
      e.prefetchRun(blocking.fetchesA ? sum.a : sum.b, next, most);
    for (int p = 0; p < sum.panels; ++p)
      for (int v = 0; v < sum.vectors; ++v)
        columns.push_back(
            e.load(sum.b, e.add(p ? e.add(row, e.mul(sum.beside, p)) : row, v * e.lanes())));
    for (int r = 0; r < sum.height; ++r) {
      Value x = e.loadBroadcast(sum.a, e.add(rows[r], i));
      for (int v = 0; v < across; ++v)
        sums[r * across + v] = e.fma(x, columns[v], sums[r * across + v]);
    }
    sums.push_back(e.add(row, blocking.depthStride));
    sums.push_back(fetches(sum.panels) ? e.add(next, sum.fetched) : next);
    return sums;
  });
  all.truncate(sumsBefore.size());
  return all;
}

void ContractTile::emitSum(int height, int vectors, int panels) {
  Type buffer = e.bufferType(e.f32), i = e.index;
  Values all;
  llvm::SmallVector<Type> types{buffer, buffer, buffer, i, i, i, i, i, i, i, i};
  if (blocking.runs) types.append({e.bufferType(i), i});
  if (!e.beginShared(sumName(height, vectors, panels), types, all)) return;
  if (!blocking.runs && knowsStride(height)) all[8] = e.dim(rowStride());
  Sum sum{all[0], all[1], all[2],  all[3], all[4],  all[5], all[6], all[7],
          all[8], all[9], all[10], height, vectors, panels, {},     {}};
  if (blocking.runs) sum.offsets = all[11], sum.runs = all[12];
  Values sums = blocking.runs ? sumOverRuns(sum) : sumOverDepth(sum);
  int across = panels * vectors;
  auto storeSums = [&](bool onTop) {
    for (int r = 0; r < height; ++r)
      for (int v = 0; v < across; ++v) {
        Value to =
            e.add(sum.at, (v / vectors * height + r) * blocking.width + v % vectors * e.lanes());
        Value x = sums[r * across + v];
        e.store(onTop ? e.add(e.load(sum.s, to), x) : x, sum.s, to);
      }
    return Values{};
  };
  e.choose(e.equal(sum.low, e.constant(0)), TypeRange{}, [&] { return storeSums(false); },
           [&] { return storeSums(true); });
  e.finishFunction();
}

LogicalResult ContractTile::emitFinish(bool tail) {
  Type i = e.index;
  Values arguments =
      e.beginFunction(finishName(tail), kernelBuffers({e.bufferType(e.f32), i, i, i, i, i, i}));
  ValueRange all(arguments), buffers = all.drop_back(7), rest = all.take_back(7);
  Value s = rest[0], batch = rest[1], firstRow = rest[2], rows = rest[3], firstColumn = rest[4],
        at = rest[5], partSums = rest[6];
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
      Value first = e.add(e.add(at, e.mul(r, blocking.width)), v * e.lanes());
      Values sums;
      for (int64_t part = 0; part < blocking.parts; ++part)
        sums.push_back(e.load(s, part ? e.add(first, e.mul(partSums, part)) : first));
      auto results = place.region(e.kernel.op->getRegion(1), sums, tile::contract_captured);
      for (auto [out, result] : llvm::enumerate(results)) {
        failed |= !result;
        if (result) place.store(int(out), result);
      }
    }
  });
  e.finishFunction();
  return failure(failed);
}

void ContractTile::emitFetch() {
  Type i = e.index;
  Values arguments = e.beginFunction(fetchName(), kernelBuffers({i, i, i, i}));
  ValueRange all(arguments), buffers = all.drop_back(4), rest = all.take_back(4);
  auto movesByRows = [&](const tile::Access& access) {
    std::optional<Dim> row = tile::strideAlong(e.kernel, access, 'm');
    return access.dtype == DType::f32 && row && !(*row == Dim(0)) &&
           tile::strideAlong(e.kernel, access, 'n') == Dim(1);
  };
  e.loop(e.constant(0), rest[2], 1, [&](Value r) {
    auto fetch = [&](const tile::Access& access, Value buffer) {
      if (!movesByRows(access)) return;
      Place place(e, buffers);
      place.set('b', rest[0]);
      place.set('m', e.add(rest[1], r));
      place.set('n', rest[3]);
      e.prefetchRun(buffer, place.address(access), blocking.width);
    };
    for (size_t n = tile::contract_captured; n < e.kernel.ins.size(); ++n)
      fetch(e.kernel.ins[n], buffers[n]);
    for (auto [n, out] : llvm::enumerate(e.kernel.outs))
      fetch(out, buffers[e.kernel.ins.size() + n]);
  });
  e.finishFunction();
}

LogicalResult ContractTile::emitPackRows() {
  Type i = e.index;
  Values arguments = e.beginFunction(packRowsName(), kernelBuffers({e.bufferType(e.f32), i, i, i}));
  ValueRange all(arguments), buffers = all.drop_back(4), rest = all.take_back(4);
  Value dense = rest[0], batch = rest[1], firstRow = rest[2], rows = rest[3];
  LogicalResult result = packRows(e, {0, 'm', 'k'}, buffers, batch, firstRow, rows, dense,
                                  e.constant(0), e.dim(blocking.k), &e.kernel.op->getRegion(0), 2);
  e.finishFunction();
  return result;
}

void ContractTile::emitRuns() {
  Type i = e.index;
  Values arguments = e.beginFunction(
      packRowsName(), kernelBuffers({e.bufferType(e.f32), i, i, i, e.bufferType(i)}));
  ValueRange all(arguments), buffers = all.drop_back(5), rest = all.take_back(5);
  emitRowRuns(e, *blocking.runs, buffers, rest[1], rest[2], rest[3], rest[0], rest[4],
              blocking.blockRows());
  e.finishFunction();
}

void ContractTile::emitPackPanel() {
  Type i = e.index;
  Values arguments =
      e.beginFunction(packPanelName(), kernelBuffers({e.bufferType(e.f32), i, i, i, i}));
  ValueRange all(arguments), buffers = all.drop_back(5), rest = all.take_back(5);
  Value firstColumn = e.mul(rest[2], blocking.width);
  packPanel(e, {1, 'n', 'k', false, rest[3]}, buffers, rest[1], firstColumn, blocking.width,
            rest[0], rest[4], e.constant(blocking.width));
  e.finishFunction();
}

}  // namespace heed::cpu
