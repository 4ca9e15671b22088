#include "heed/compiler/lower/gpu/panels.h"

#include <functional>

using namespace mlir;

namespace heed::gpu {

Piece::Piece(Simt& e, const Source& source, int64_t lines, int64_t depth, const Dim& extent)
    : e(e),
      source(source),
      lines(lines),
      depth(depth),
      extent(extent),
      unitLines(source.reads.way == Reads::along_lines ? source.reads.together : 4),
      unitDepth(source.reads.way == Reads::along_k ? source.reads.together : 1),
      units(lines / unitLines * (depth / unitDepth)),
      turns((units + e.limits.invocations - 1) / e.limits.invocations) {}

// Neighbours take neighbouring k where the operand lies so; with several k each, twos of those and
// then fours of lines, whose fours meet different banks on their way into workgroup memory.
Piece::Unit Piece::unit(int64_t turn) {
  const bool kFastest = unitDepth > 1 || (source.reads.way == Reads::ones && source.kFastest);
  Value n = e.add(e.invocation, turn * e.limits.invocations), exists;
  if ((turn + 1) * e.limits.invocations > units) {
    exists = e.below(n, e.constant(units));
    n = e.min(n, e.constant(units - 1));
  }
  const int64_t down = lines / unitLines, deep = depth / unitDepth;
  Value line, k;
  if (unitDepth > 1 && deep % 2 == 0 && down % 4 == 0) {
    Value rest = e.divide(n, 8);
    k = e.add(e.remainder(n, e.constant(2)), e.mul(e.remainder(rest, e.constant(deep / 2)), 2));
    line = e.add(e.remainder(e.divide(n, 2), e.constant(4)), e.mul(e.divide(rest, deep / 2), 4));
  } else {
    Value fast = e.constant(kFastest ? deep : down);
    Value major = e.divide(n, fast), minor = e.remainder(n, fast);
    line = kFastest ? major : minor;
    k = kFastest ? minor : major;
  }
  return {e.mul(line, unitLines), e.mul(k, unitDepth), exists};
}

Values Piece::read(Value first) {
  const int64_t at_once = source.reads.way == Reads::along_lines ? unitLines : 1;
  Values own;
  for (int64_t turn = 0; turn < turns; ++turn) {
    Unit unit = this->unit(turn);
    Value k = e.inside(e.add(first, unit.k), extent, unitDepth);
    if (!extent.is_static()) k = e.max(k, e.constant(0));  // there may be none
    for (int64_t line = 0; line < unitLines; line += at_once)
      own.append(source.elements(e.add(unit.line, line), k));
  }
  return own;
}

void Piece::write(ValueRange own, Value first, const Panel& panel) {
  const bool ragged = !(extent.is_static() && extent.constant % depth == 0);
  for (int64_t turn = 0; turn < turns; ++turn) {
    Unit unit = this->unit(turn);
    Values some(own.slice(size_t(turn * each()), size_t(each())));
    if (ragged) {
      Value exists = e.below(e.add(first, unit.k), e.dim(extent));
      for (Value& x : some) x = e.select(exists, x, e.constantLike(x, 0));
    }
    auto stores = [&] {
      for (int64_t k = 0; k < unitDepth; ++k)
        for (int64_t line = 0; line < unitLines; line += 4) {
          Values lanes;
          for (int64_t n = line; n < line + 4; ++n)
            lanes.push_back(some[size_t(n * unitDepth + k)]);
          Value at = e.add(e.mul(e.add(unit.k, k), Panel::strideOf(panel.lines)),
                           e.divide(e.add(unit.line, line), 4));
          e.store(e.fours(lanes), panel.memory, e.add(at, panel.at));
        }
    };
    if (unit.exists) e.when(unit.exists, stores);
    else stores();
  }
}

namespace {

// Elements of a panel for a tile's own lines, so many of which lie side by side.
struct FromPanel {
  FromPanel(Simt& e, const Panel& panel, int64_t together)
      : elements([&e, panel, together](Value line, Value k) -> Values {
          Value at =
              e.add(e.add(e.mul(k, Panel::strideOf(panel.lines)), e.divide(line, 4)), panel.at);
          Values four = e.parts(e.load(panel.memory, at));
          if (together == 4) return four;
          Value place = e.remainder(line, e.constant(4)), found = four[0];
          for (int64_t n = 1; n < 4; ++n)
            found = e.select(e.equal(place, e.constant(n)), four[size_t(n)], found);
          return {found};
        }),
        reads(together == 4 ? Reads{Reads::along_lines, 4} : Reads{}) {}
  Source source() { return {reads, elements}; }

  std::function<Values(Value, Value)> elements;
  Reads reads;
};

}  // namespace

Values multiply(Simt& e, Tile& tile, const Panel& a, const Panel& b, int64_t depth,
                ValueRange sums) {
  FromPanel left(e, a, tile.rowsTogether()), right(e, b, tile.columnsTogether());
  const int64_t part = depth / tile.teams;
  int64_t inRow = 4;
  while (part % inRow) inRow /= 2;
  Value from = tile.teams == 1 ? e.constant(0) : e.mul(tile.team(), part);
  auto shifted = [&](FromPanel& source) {
    return [&](Value line, Value k) { return source.elements(line, e.add(from, k)); };
  };
  auto ofLeft = shifted(left), ofRight = shifted(right);
  return tile.multiplyAhead({left.reads, ofLeft}, {right.reads, ofRight}, part, inRow, sums);
}

Values multiply(Simt& e, Tile& tile, const Source& a, const Panel& b, int64_t depth,
                ValueRange sums) {
  FromPanel right(e, b, tile.columnsTogether());
  int64_t inRow = 2;
  while (depth % (inRow * a.reads.together)) inRow /= 2;
  return tile.multiplyAhead(a, right.source(), depth, inRow, sums);
}

// While a piece is multiplied the next one is on its way.
Values multiply(Simt& e, Tile& tile, const Source& a, const Source& b, const Dim& extent,
                int64_t depth, Value fours, int64_t at) {
  Piece left(e, a, tile.rows, depth, extent), right(e, b, tile.columns, depth, extent);
  const Panel ofLeft{fours, at, tile.rows},
      ofRight{fours, at + Panel::foursOf(tile.rows, depth), tile.columns};
  Values start = left.read(e.constant(0));
  const size_t fromLeft = start.size();
  start.append(right.read(e.constant(0)));
  const size_t waiting = start.size();
  start.append(tile.zeros());
  Values end =
      e.loop(e.constant(0), e.dim(extent), depth, start, [&](Value first, ValueRange so) -> Values {
        e.barrier();
        left.write(so.take_front(fromLeft), first, ofLeft);
        right.write(so.slice(fromLeft, waiting - fromLeft), first, ofRight);
        e.barrier();
        Values next = left.read(e.add(first, depth));
        next.append(right.read(e.add(first, depth)));
        next.append(multiply(e, tile, ofLeft, ofRight, depth, so.drop_front(waiting)));
        return next;
      });
  return Values(ValueRange(end).drop_front(waiting));
}

}  // namespace heed::gpu
