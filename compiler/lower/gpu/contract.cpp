// heed.contract: a workgroup computes a tile of C. Pieces of A and B, as deep as the target says, pass through workgroup
// memory, A's through the prologue on its way. Sums are in the order of k, whatever the tile.
#include <algorithm>
#include <bit>
#include <limits>

#include "heed/compiler/lower/gpu/kinds.h"
#include "heed/compiler/lower/gpu/point.h"
#include "heed/compiler/lower/gpu/tiles.h"
#include "heed/compiler/lower/tile/merge_digits.h"

using namespace mlir;

namespace heed::gpu {
namespace {

constexpr int64_t least_rows = 8, least_columns = 16;

// Of a tile along an extent: not much more than there is.
int64_t fitting(const Dim& extent, int64_t least, int64_t most) {
  if (!extent.is_static()) return most;
  return std::clamp(int64_t(std::bit_ceil(uint64_t(extent.constant))), least, most);
}

class Contract {
 public:
  Contract(const tile::Kernel& given, const Target& target, ModuleOp module)
      : kernel(tile::mergeDigits(given, std::numeric_limits<int64_t>::max())),
        e(kernel, target, module),
        op(cast<ir::ContractOp>(kernel.op)),
        m(kernel.extentOf('m')), n(kernel.extentOf('n')), k(kernel.extentOf('k')),
        rows(fitting(m, least_rows, e.limits.rows)),
        columns(fitting(n, least_columns, e.limits.columns)),
        depth(e.limits.depth) {}

  Lowering lower() {
    Dim batch = kernel.extentOf('b'), work = batch * m * n;
    auto tilesOf = [](const Dim& extent, int64_t size) { return Dim((extent.constant + size - 1) / size); };
    bool exact = m.is_static() && n.is_static();
    if (exact) work = batch * tilesOf(m, rows) * tilesOf(n, columns);
    auto lowered = e.write(work, exact ? 1 : rows * columns, [&] { tiles(exact); });
    if (succeeded(lowered)) lowered->launches[0].flops = Dim(2) * batch * m * n * k;
    return lowered;
  }

 private:
  tile::Kernel kernel;
  Simt e;
  ir::ContractOp op;
  Dim m, n, k;
  int64_t rows, columns, depth;
  Value memory;

  // About as many workgroups as tiles; each takes every `groups`-th one.
  void tiles(bool exact) {
    int64_t operands = panelSize(rows, depth) + panelSize(columns, depth);
    memory = e.shared(std::max(operands, rows * columns));
    if (exact) return tile(e.firstItem);
    Value all = e.mul(e.dim(kernel.extentOf('b')), e.mul(down(), across()));
    e.loopFrom(e.divide(e.firstItem, rows * columns), all, e.groups, [&](Value number) { tile(number); });
  }
  Value down() { return e.ceilDivide(e.dim(m), rows); }
  Value across() { return e.ceilDivide(e.dim(n), columns); }

  void tile(Value number) {
    Value column = e.mul(e.remainder(number, across()), columns), rest = e.divide(number, across());
    Value row = e.mul(e.remainder(rest, down()), rows), batch = e.divide(rest, down());
    Tile tile(e, rows, columns);
    Value zero = tile.zeros()[0];
    Values sums = e.loop(e.constant(0), e.dim(k), depth, tile.zeros(), [&](Value first, ValueRange so) {
      e.barrier();
      auto element = [&](int operand, char role, Value line, Value step, const Dim& lines) {
        Value at = e.add(first, step);
        Point point(e);
        point.set('b', batch);
        point.set(role, inside(line, lines));
        point.set('k', inside(at, k));
        Value x = point.load(operand);
        if (operand == 0) x = point.region(op.getPrologue(), x, tile::contract_captured)[0];
        bool never = k.is_static() && k.constant % depth == 0;
        return never ? x : e.select(e.below(at, e.dim(k)), x, zero);
      };
      Panel a = fill(e, memory, 0, rows, depth, isContiguous(kernel, 0, 'k'), [&](Value line, Value step) {
        return element(0, 'm', e.add(row, line), step, m);
      });
      Panel b = fill(e, memory, panelSize(rows, depth), columns, depth, isContiguous(kernel, 1, 'k'),
                     [&](Value line, Value step) { return element(1, 'n', e.add(column, line), step, n); });
      e.barrier();
      return tile.multiply(a, b, depth, so);
    });
    e.barrier();
    tile.each(sums, memory, [&](Value r, Value c, Value sum) {
      Value i = e.add(row, r), j = e.add(column, c);
      Value exists = arith::AndIOp::create(e.b, e.loc, e.below(i, e.dim(m)), e.below(j, e.dim(n)));
      e.when(exists, [&] {
        Point point(e);
        point.set('b', batch);
        point.set('m', i);
        point.set('n', j);
        for (auto [out, y] : llvm::enumerate(point.region(op.getEpilogue(), sum, tile::contract_captured))) point.store(int(out), y);
      });
    });
  }

  // What lies beyond the last one reads the last one.
  Value inside(Value at, const Dim& extent) { return e.min(at, e.sub(e.dim(extent), e.constant(1))); }
};

}  // namespace

Lowering lowerContract(const tile::Kernel& kernel, const Target& target, ModuleOp module) {
  return Contract(kernel, target, module).lower();
}

}  // namespace heed::gpu
