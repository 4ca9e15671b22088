#include "heed/compiler/lower/cpu/panels.h"

#include "heed/compiler/lower/cpu/place.h"
#include "heed/compiler/lower/cpu/transpose.h"

using namespace mlir;

namespace heed::cpu {

namespace {

constexpr int64_t prefetched_rows = 4;  // ahead of those that are copied

// Rows of the source are contiguous along the depth: whole blocks of it are turned.
bool canTranspose(Emit& e, const PanelSource& source) {
  const tile::Access& access = e.kernel.ins[source.operand];
  Dim depth = e.kernel.extentOf(source.depth);
  return access.dtype == DType::f32 && !access.fill && e.lanes() >= 4 && depth.is_static() &&
         depth.constant >= 4 && tile::strideAlong(e.kernel, access, source.depth) == Dim(1);
}

void packTransposed(Emit& e, const PanelSource& source, ValueRange buffers, Value batch, Value first, int64_t width,
                    Value destination, Value at, Value stride) {
  const tile::Access& access = e.kernel.ins[source.operand];
  Dim columns = e.kernel.extentOf(source.column);
  bool whole = columns.is_static() && columns.constant % width == 0;
  Value extent = e.dim(columns), last = e.sub(extent, e.constant(1));
  int64_t depth = e.kernel.extentOf(source.depth).constant, lanes = e.lanes();
  e.loop(e.constant(0), e.constant(width), 1, [&](Value n) {
    Place row(e, buffers);
    row.set('b', batch);
    row.set(source.column, e.add(first, e.add(n, width)));
    e.prefetchRun(buffers[source.operand], row.address(access), depth);
  });
  auto oneVector = [&](Value v, Value column) {
    Values rows;
    for (int lane = 0; lane < lanes; ++lane) {
      Place row(e, buffers);
      row.set('b', batch);
      row.set(source.column, e.min(e.add(column, lane), last));
      rows.push_back(row.address(access));
    }
    Value valid = whole || !source.zeros ? Value() : e.lanesBelow(e.sub(extent, column));
    auto columnsFrom = [&](Value k) {
      for (auto [n, x] : llvm::enumerate(fourColumns(e, buffers[source.operand], rows, k))) {
        if (valid) x = e.select(valid, x, e.splat(0));
        e.store(x, destination, e.add(e.add(at, v), e.mul(e.add(k, n), stride)));
      }
    };
    e.loop(0, depth / 4 * 4, 4, columnsFrom);
    if (depth % 4) columnsFrom(e.constant(depth - 4));  // overlaps the four before
  };
  e.loop(0, width, lanes, [&](Value v) {
    Value column = e.add(first, v);
    if (whole || source.zeros) oneVector(v, column);
    else e.when(e.below(column, extent), [&] { oneVector(v, column); });
  });
}

}  // namespace

void packPanel(Emit& e, const PanelSource& source, ValueRange buffers, Value batch, Value first, int64_t width,
               Value destination, Value at, Value stride) {
  if (canTranspose(e, source)) return packTransposed(e, source, buffers, batch, first, width, destination, at, stride);
  Dim columns = e.kernel.extentOf(source.column);
  bool whole = columns.is_static() && columns.constant % width == 0;
  e.loop(e.constant(0), e.dim(e.kernel.extentOf(source.depth)), 1, [&](Value k) {
    for (int64_t v = 0; v < width; v += e.lanes()) {
      Value column = e.add(first, v);
      Value valid = whole ? Value() : e.lanesBelow(e.sub(e.dim(columns), column));
      Place place(e, buffers);
      place.set('b', batch);
      place.set(source.depth, k);
      place.setLanes(source.column, column, valid);
      Value x = place.load(source.operand);
      if (valid) x = e.select(valid, x, e.splat(0));
      e.store(x, destination, e.add(e.add(at, v), e.mul(k, stride)));
    }
  });
}

LogicalResult packRows(Emit& e, const RowSource& source, ValueRange buffers, Value batch, Value first, Value count,
                       Value destination, Value at, Value stride, Region* prologue, int captured) {
  Dim along = e.kernel.extentOf(source.along);
  Value extent = e.dim(along), whole = e.roundDown(extent, e.lanes());
  bool failed = false;
  const tile::Access& access = e.kernel.ins[source.operand];
  bool contiguous = tile::strideAlong(e.kernel, access, source.along) == Dim(1);
  e.loop(e.constant(0), count, 1, [&](Value r) {
    if (contiguous && along.is_static()) {
      Place next(e, buffers);
      next.set('b', batch);
      next.set(source.row, e.add(e.add(first, r), prefetched_rows));
      e.prefetchRun(buffers[source.operand], next.address(access), along.constant);
    }
    auto vectorAt = [&](Value x, Value mask) {
      Place place(e, buffers);
      place.set('b', batch);
      place.set(source.row, e.add(first, r));
      place.setLanes(source.along, x, mask);
      Value lanes = place.load(source.operand);
      if (prologue) lanes = place.region(*prologue, lanes, captured);
      failed |= !lanes;
      if (lanes) e.store(lanes, destination, e.add(e.add(at, e.mul(r, stride)), x));
    };
    e.loop(e.constant(0), whole, e.lanes(), [&](Value x) { vectorAt(x, {}); });
    if (along.is_static() && along.constant % e.lanes() == 0) return;
    e.when(e.below(whole, extent), [&] { vectorAt(whole, e.lanesBelow(e.sub(extent, whole))); });
  });
  return failure(failed);
}

}  // namespace heed::cpu
