// heed.contract: a workgroup computes a tile of C, A passing through the prologue on its way. Where
// the target says so, pieces of A and B pass through workgroup memory. Large tiles read less, small
// ones keep a large GPU busy: where sizes are known at run time only, both are made and the kernel
// chooses. Sums are in the order of k in each of the parts that a tile's teams share out.
#include <algorithm>
#include <limits>

#include "heed/compiler/lower/gpu/kinds.h"
#include "heed/compiler/lower/gpu/panels.h"
#include "heed/compiler/lower/gpu/point.h"
#include "heed/compiler/lower/tile/merge_digits.h"

using namespace mlir;

namespace heed::gpu {
namespace {

constexpr int64_t each_side = 8;  // rows and columns of an invocation, at most

class Contract {
 public:
  Contract(const tile::Kernel& given, const Target& target, ModuleOp module)
      : kernel(tile::mergeDigits(given, std::numeric_limits<int64_t>::max())),
        e(kernel, target, module),
        op(cast<ir::ContractOp>(kernel.op)),
        m(kernel.extentOf('m')),
        n(kernel.extentOf('n')),
        k(kernel.extentOf('k')),
        batch(kernel.extentOf('b')),
        large(largest()),
        small(fastest(large)),
        reads{readsOf(e, 0, 'm', 'k'), readsOf(e, 1, 'n', 'k')} {
    const Tile tile = make(small);
    const int64_t lines[] = {tile.height(), tile.width()};
    for (int operand : {0, 1}) {
      if (!e.limits.staged && reads[operand].way == Reads::along_lines && lines[operand] % 4)
        reads[operand] = {};
      if (reads[operand].way != Reads::ones) e.readTogether(operand, reads[operand].together);
    }
  }

  Lowering lower() {
    if (!(kernel.extentOf('p') == Dim(1)))
      return op.emitOpError("expected an epilogue that meets one column on this target");
    if (m.is_static() && n.is_static() && batch.is_static()) large = small;
    const bool exact = m.is_static() && n.is_static() && small == large;
    auto whole = [](const Dim& extent, int64_t side) {  // at least as many as whole tiles have
      if (!extent.is_static()) return extent + Dim(side - 1);
      return Dim((extent.constant + side - 1) / side * side);
    };
    Dim work = batch * (exact ? Dim(tiles(small)) : whole(m, small.rows) * whole(n, small.columns));
    if (work.invalid) work = batch * m * n;  // of too many symbols
    auto lowered = e.write(work, exact ? 1 : small.rows * small.columns, [&] { body(exact); });
    if (succeeded(lowered)) lowered->launches[0].flops = Dim(2) * batch * m * n * k;
    return lowered;
  }

 private:
  struct Sides {
    int64_t rows, columns;
    bool operator==(const Sides&) const = default;
  };

  Sides largest() {
    if (e.limits.staged)
      return {fitting(m, e.limits.least, e.limits.rows),
              fitting(n, e.limits.least, e.limits.columns)};
    return {fitting(m, e.limits.invocations / e.limits.across, e.limits.rows),
            fitting(n, e.limits.across, e.limits.columns)};
  }
  // That a C of the least size takes.
  int64_t tiles(const Sides& sides) {
    auto along = [](const Dim& extent, int64_t side) {
      return (lower_bound(extent) + side - 1) / side;
    };
    return along(m, sides.rows) * along(n, sides.columns);
  }
  // The tiles with which a C of the least size takes the least time on `enough` compute units that
  // do the same number of them, some one less. A step along k takes a tile as long as its reads
  // from workgroup memory or its products do, of which four go beside one read; on the way there
  // its sides take some more, the shorter the more (fitted to an H200).
  Sides fastest(const Sides& most) {
    if (!e.limits.staged) return most;
    Sides best = most;
    double least = std::numeric_limits<double>::infinity();
    for (int64_t rows = most.rows; rows >= e.limits.least; rows /= 2)
      for (int64_t columns = most.columns; columns >= e.limits.least; columns /= 2) {
        const Sides sides{rows, columns};
        const Tile tile = make(sides);
        const int64_t r = tile.height(), c = tile.width(),
                      rounds = (lower_bound(batch) * tiles(sides) + e.limits.enough - 1) /
                               e.limits.enough;
        const double time =
            double(rounds * (rows / r) * (columns / c) * std::max(r + c, r * c / 4)) *
            (1 + 32.0 / double(rows) + 32.0 / double(columns));
        if (time >= least) continue;
        least = time;
        best = sides;
      }
    return best;
  }
  // Of a piece: smaller tiles have deeper ones, so that as many loads are on their way.
  int64_t depth(const Sides& sides) {
    const int64_t most = e.limits.depth * e.limits.rows / std::max(sides.rows, sides.columns);
    return fitting(k, e.limits.depth, most);
  }
  Tile make(const Sides& sides) {
    if (!e.limits.staged)
      return Tile(e, sides.rows, sides.columns, std::min(e.limits.across, sides.columns));
    auto along = [](int64_t side) { return std::max(side / each_side, each_side); };
    const int64_t wide = along(sides.columns), down = along(sides.rows);
    return Tile(e, sides.rows, sides.columns, wide, e.limits.invocations / (wide * down));
  }

  tile::Kernel kernel;
  Simt e;
  ir::ContractOp op;
  Dim m, n, k, batch;
  Sides large, small;
  Reads reads[2];  // of A and B
  Value fours, words;

  void body(bool exact) {
    auto panels = [&](const Sides& sides) {
      return Panel::foursOf(sides.rows, depth(sides)) + Panel::foursOf(sides.columns, depth(sides));
    };
    if (e.limits.staged) fours = e.shared(std::max(panels(large), panels(small)), e.four());
    words = e.shared(std::max(make(large).eachWords(), make(small).eachWords()));
    if (exact) return tile(e.firstItem, small);
    if (large == small) return loop(small);
    Value least = e.constant(e.limits.enough);  // that large tiles keep busy
    auto part = [&](const Sides& sides) {
      loop(sides);
      return Values{};
    };
    e.choose(
        e.below(all(large), least), TypeRange{}, [&] { return part(small); },
        [&] { return part(large); });
  }

  // About as many workgroups as small tiles; each takes every `groups`-th one.
  void loop(const Sides& sides) {
    e.loopFrom(e.divide(e.firstItem, small.rows * small.columns), all(sides), e.groups,
               [&](Value number) { tile(number, sides); });
  }
  Value all(const Sides& sides) { return e.mul(e.dim(batch), e.mul(down(sides), across(sides))); }
  Value down(const Sides& sides) { return e.ceilDivide(e.dim(m), sides.rows); }
  Value across(const Sides& sides) { return e.ceilDivide(e.dim(n), sides.columns); }

  void tile(Value number, const Sides& sides) {
    Value across = this->across(sides), down = this->down(sides);
    Value column = e.mul(e.remainder(number, across), sides.columns),
          rest = e.divide(number, across);
    Value row = e.mul(e.remainder(rest, down), sides.rows), batch = e.divide(rest, down);
    Tile tile = make(sides);
    auto a = [&](Value line, Value at) { return elements(0, batch, e.add(row, line), at); };
    auto b = [&](Value line, Value at) { return elements(1, batch, e.add(column, line), at); };
    const Source left{reads[0], a, isContiguous(kernel, 0, 'k')},
        right{reads[1], b, isContiguous(kernel, 1, 'k')};
    tile.each(sums(tile, left, right, depth(sides)), words, [&](Value r, Value c, Value sum) {
      Value i = e.add(row, r), j = e.add(column, c);
      Value exists = arith::AndIOp::create(e.b, e.loc, e.below(i, e.dim(m)), e.below(j, e.dim(n)));
      e.when(exists, [&] {
        Point point(e);
        point.set('b', batch);
        point.set('m', i);
        point.set('n', j);
        for (auto [out, y] :
             llvm::enumerate(point.region(op.getEpilogue(), sum, tile::contract_captured)))
          point.store(int(out), y);
      });
    });
  }
  Values sums(Tile& tile, const Source& left, const Source& right, int64_t depth) {
    if (e.limits.staged) return multiply(e, tile, left, right, k, depth, fours, 0);
    const int64_t step = k.is_static() && k.constant % 4 == 0 ? 4 : 1;
    return tile.multiply(left, right, e.constant(0), e.dim(k), step, tile.zeros());
  }

  // Of a row of A or a column of B; what lies beyond the last line reads the last one.
  Values elements(int operand, Value batch, Value line, Value at) {
    const bool down = reads[operand].way == Reads::along_lines;
    line = e.inside(line, operand ? n : m, down ? reads[operand].together : 1);
    auto point = [&](int64_t number) {
      Point point(e);
      point.set('b', batch);
      point.set(operand ? 'n' : 'm', e.add(line, down ? number : 0));
      point.set('k', e.add(at, down ? 0 : number));
      return point;
    };
    Values found = point(0).loads(operand);
    if (operand == 0)
      for (auto [number, x] : llvm::enumerate(found))
        x = point(int64_t(number)).region(op.getPrologue(), x, tile::contract_captured)[0];
    return found;
  }
};

}  // namespace

Lowering lowerContract(const tile::Kernel& kernel, const Target& target, ModuleOp module) {
  return Contract(kernel, target, module).lower();
}

}  // namespace heed::gpu
