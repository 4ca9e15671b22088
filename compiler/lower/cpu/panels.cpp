#include "heed/compiler/lower/cpu/panels.h"

#include "heed/compiler/lower/cpu/cursor.h"
#include "heed/compiler/lower/cpu/place.h"
#include "heed/compiler/lower/cpu/transpose.h"

using namespace mlir;

namespace heed::cpu {

int tileRows(const Target& target, int vectors) {
  // without fma a product needs one, too, and LLVM another
  int spare = target.registers >= 32 || !target.fma ? 4 : 2;
  int rows = (target.registers - vectors - spare) / vectors;
  return std::max(1, std::min(12, rows >= 12 ? rows / 2 * 2 : rows));
}

Parts equalParts(int64_t rows, int64_t most) {
  Parts parts;
  const int64_t count = (rows + most - 1) / most;
  for (int64_t part = 0; part < count; ++part) {
    const int64_t first = rows * part / count;
    parts.push_back({first, rows * (part + 1) / count - first});
  }
  return parts;
}

namespace {

constexpr int64_t prefetched_rows = 4;  // ahead of those that are copied

// Rows of the source are contiguous along the depth: whole blocks of it are turned.
bool canTranspose(Emit& e, const PanelSource& source) {
  const tile::Access& access = e.kernel.ins[source.operand];
  Dim depth = e.kernel.extentOf(source.depth);
  return access.dtype == DType::f32 && !access.fill && e.lanes() >= 4 &&
         (source.deep || (depth.is_static() && depth.constant >= 4)) &&
         tile::strideAlong(e.kernel, access, source.depth) == Dim(1);
}

// Where role 'b' stands at `batch`, and the part.
Place placeOf(Emit& e, const PanelSource& source, ValueRange buffers, Value batch) {
  Place place(e, buffers);
  place.set('b', batch);
  if (source.part) place.set('p', source.part);
  return place;
}

void packTransposed(Emit& e, const PanelSource& source, ValueRange buffers, Value batch,
                    Value first, int64_t width, Value destination, Value at, Value stride) {
  const tile::Access& access = e.kernel.ins[source.operand];
  Dim columns = e.kernel.extentOf(source.column);
  bool whole = columns.is_static() && columns.constant % width == 0;
  Value extent = e.dim(columns), last = e.sub(extent, e.constant(1));
  Dim depth = e.kernel.extentOf(source.depth);
  int64_t lanes = e.lanes();
  auto fetch = [&](Value n) {
    Place row = placeOf(e, source, buffers, batch);
    row.set(source.column, e.add(first, e.add(n, width)));
    e.prefetchRun(buffers[source.operand], row.address(access),
                  depth.is_static() ? depth.constant : lanes);
  };
  Value ahead = e.constant(width);  // columns of the next panel
  if (source.end)
    ahead = e.max(e.min(e.sub(source.end, e.add(first, width)), ahead), e.constant(0));
  if (!source.near) e.loop(e.constant(0), ahead, 1, fetch);
  auto oneVector = [&](Value v, Value column) {
    Values rows;
    for (int lane = 0; lane < lanes; ++lane) {
      Place row = placeOf(e, source, buffers, batch);
      row.set(source.column, e.min(e.add(column, lane), last));
      rows.push_back(row.address(access));
    }
    Value valid = whole || source.end ? Value() : e.lanesBelow(e.sub(extent, column));
    auto columnsFrom = [&](Value k) {
      for (auto [n, x] : llvm::enumerate(fourColumns(e, buffers[source.operand], rows, k))) {
        if (valid) x = e.select(valid, x, e.splat(0));
        e.store(x, destination, e.add(e.add(at, v), e.mul(e.add(k, n), stride)));
      }
    };
    // The last four overlap those before.
    if (depth.is_static()) {
      e.loop(0, depth.constant / 4 * 4, 4, columnsFrom);
      if (depth.constant % 4) columnsFrom(e.constant(depth.constant - 4));
    } else {
      Value end = e.dim(depth);
      e.loop(e.constant(0), e.sub(end, e.constant(3)), 4, columnsFrom);
      columnsFrom(e.sub(end, e.constant(4)));
    }
  };
  e.loop(0, width, lanes, [&](Value v) {
    Value column = e.add(first, v);
    if (!source.end) oneVector(v, column);
    else e.when(e.below(column, source.end), [&] { oneVector(v, column); });
  });
}

}  // namespace

void packPanel(Emit& e, const PanelSource& source, ValueRange buffers, Value batch, Value first,
               int64_t width, Value destination, Value at, Value stride) {
  if (canTranspose(e, source))
    return packTransposed(e, source, buffers, batch, first, width, destination, at, stride);
  Dim columns = e.kernel.extentOf(source.column);
  bool whole = columns.is_static() && columns.constant % width == 0;
  e.loop(e.constant(0), e.dim(e.kernel.extentOf(source.depth)), 1, [&](Value k) {
    for (int64_t v = 0; v < width; v += e.lanes()) {
      Value column = e.add(first, v);
      Value valid = whole ? Value() : e.lanesBelow(e.sub(e.dim(columns), column));
      Place place = placeOf(e, source, buffers, batch);
      place.set(source.depth, k);
      place.setLanes(source.column, column, valid);
      Value x = place.load(source.operand);
      if (valid) x = e.select(valid, x, e.splat(0));
      e.store(x, destination, e.add(e.add(at, v), e.mul(k, stride)));
    }
  });
}

namespace {

// A convolution's rows: runs of the role's last digit, which is contiguous, one for each value of
// those before.
struct Runs {
  std::vector<int> outer;  // digits
  int inner = -1;
};
std::optional<Runs> runsOf(Emit& e, const RowSource& source) {
  const tile::Access& access = e.kernel.ins[source.operand];
  Runs runs;
  for (int digit : e.kernel.withRole(source.along))
    if (!(e.kernel.digits[digit].extent == Dim(1))) runs.outer.push_back(digit);
  if (runs.outer.size() < 2 || !access.rolled.empty() ||
      !(access.strides[runs.outer.back()] == Dim(1)))
    return {};
  runs.inner = runs.outer.back();
  runs.outer.pop_back();
  return runs;
}

// The role's digits where it stands at `index`.
void setRole(Emit& e, Cursor& cursor, char role, Value index) {
  auto members = e.kernel.withRole(role);
  for (size_t n = members.size(); n-- > 0;) {
    Value extent = e.dim(e.kernel.digits[members[n]].extent);
    cursor.set(members[n], n ? e.remainder(index, extent) : index);
    if (n) index = e.divide(index, extent);
  }
}

LogicalResult packRuns(Emit& e, const RowSource& source, const Runs& runs, ValueRange buffers,
                       Value batch, Value first, Value count, Value destination, Value at,
                       Value stride, Region* prologue, int captured) {
  LogicalResult result = success();
  Value length = e.dim(e.kernel.digits[runs.inner].extent), whole = e.roundDown(length, e.lanes());
  auto vectorAt = [&](const Cursor& run, Value to, Value x, Value mask) {
    Cursor cursor = run;
    cursor.setLanes(runs.inner, x, mask);
    Value lanes = cursor.load(source.operand);
    if (prologue) {
      auto values = cursor.region(*prologue, lanes, captured);
      if (failed(values)) result = failure();
      else lanes = values->front();
    }
    e.store(lanes, destination, e.add(to, x));
  };
  std::function<void(const Cursor&, size_t, Value)> walk = [&](const Cursor& cursor, size_t level,
                                                               Value to) {
    if (level == runs.outer.size()) {
      e.loop(e.constant(0), whole, e.lanes(), [&](Value x) { vectorAt(cursor, to, x, {}); });
      if (constantOf(e.sub(length, whole)) == 0) return;
      e.when(e.below(whole, length),
             [&] { vectorAt(cursor, to, whole, e.lanesBelow(e.sub(length, whole))); });
      return;
    }
    Value size = length;  // of what lies below one value of this digit
    for (size_t n = level + 1; n < runs.outer.size(); ++n)
      size = e.mul(size, e.dim(e.kernel.digits[runs.outer[n]].extent));
    e.loop(e.constant(0), e.dim(e.kernel.digits[runs.outer[level]].extent), 1, [&](Value value) {
      Cursor deeper = cursor;
      deeper.set(runs.outer[level], value);
      walk(deeper, level + 1, e.add(to, e.mul(value, size)));
    });
  };
  e.loop(e.constant(0), count, 1, [&](Value r) {
    Cursor row(e, buffers);
    setRole(e, row, 'b', batch);
    setRole(e, row, source.row, e.add(first, r));
    walk(row, 0, e.add(at, e.mul(r, stride)));
  });
  return result;
}

}  // namespace

LogicalResult packRows(Emit& e, const RowSource& source, ValueRange buffers, Value batch,
                       Value first, Value count, Value destination, Value at, Value stride,
                       Region* prologue, int captured) {
  if (auto runs = runsOf(e, source))
    return packRuns(e, source, *runs, buffers, batch, first, count, destination, at, stride,
                    prologue, captured);
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
      if (prologue) lanes = place.region(*prologue, lanes, captured)[0];
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
