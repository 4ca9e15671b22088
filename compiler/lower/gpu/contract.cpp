// heed.contract: a workgroup computes a tile of C, A passing through the prologue on its way. Where
// the target says so, pieces of A and B pass through workgroup memory. Sums are in the order of k,
// whatever the tile.
#include <algorithm>
#include <limits>

#include "heed/compiler/lower/gpu/kinds.h"
#include "heed/compiler/lower/gpu/point.h"
#include "heed/compiler/lower/gpu/tiles.h"
#include "heed/compiler/lower/tile/merge_digits.h"

using namespace mlir;

namespace heed::gpu {
namespace {

class Contract {
 public:
  Contract(const tile::Kernel& given, const Target& target, ModuleOp module)
      : kernel(tile::mergeDigits(given, std::numeric_limits<int64_t>::max())),
        e(kernel, target, module),
        op(cast<ir::ContractOp>(kernel.op)),
        m(kernel.extentOf('m')), n(kernel.extentOf('n')), k(kernel.extentOf('k')),
        rows(fitting(m, e.limits.invocations / e.limits.across, e.limits.rows)),
        columns(fitting(n, e.limits.across, e.limits.columns)),
        reads{readsOf(e, 0, 'm', 'k'), readsOf(e, 1, 'n', 'k')} {
    makeEnough();
    const Tile tile(e, rows, columns);
    const int64_t lines[] = {tile.height(), tile.width()};
    for (int operand : {0, 1}) {
      if (!e.limits.staged && reads[operand].way == Reads::along_lines && lines[operand] % 4)
        reads[operand] = {};
      if (reads[operand].way != Reads::ones) e.readTogether(operand, reads[operand].together);
    }
  }

  Lowering lower() {
    Dim batch = kernel.extentOf('b'), work = batch * m * n;
    bool exact = m.is_static() && n.is_static();
    if (exact) work = batch * Dim(tilesOf(m, rows) * tilesOf(n, columns));
    auto lowered = e.write(work, exact ? 1 : rows * columns, [&] { tiles(exact); });
    if (succeeded(lowered)) lowered->launches[0].flops = Dim(2) * batch * m * n * k;
    return lowered;
  }

 private:
  // Smaller tiles rather than idle workgroups.
  void makeEnough() {
    const Dim batch = kernel.extentOf('b');
    if (!m.is_static() || !n.is_static() || !batch.is_static()) return;
    while (batch.constant * tilesOf(m, rows) * tilesOf(n, columns) < e.limits.enough) {
      int64_t& side = rows > columns ? rows : columns;
      if (side <= e.limits.least) return;
      side /= 2;
    }
  }

  tile::Kernel kernel;
  Simt e;
  ir::ContractOp op;
  Dim m, n, k;
  int64_t rows, columns;
  Reads reads[2];  // of A and B
  Value memory;

  // About as many workgroups as tiles; each takes every `groups`-th one.
  void tiles(bool exact) {
    int64_t operands =
        e.limits.staged ? panelSize(rows, e.limits.depth) + panelSize(columns, e.limits.depth) : 0;
    memory = e.shared(std::max(operands, Tile(e, rows, columns).eachWords()));
    if (exact) return tile(e.firstItem);
    Value all = e.mul(e.dim(kernel.extentOf('b')), e.mul(down(), across()));
    e.loopFrom(e.divide(e.firstItem, rows * columns), all, e.groups,
               [&](Value number) { tile(number); });
  }
  Value down() { return e.ceilDivide(e.dim(m), rows); }
  Value across() { return e.ceilDivide(e.dim(n), columns); }

  void tile(Value number) {
    Value column = e.mul(e.remainder(number, across()), columns), rest = e.divide(number, across());
    Value row = e.mul(e.remainder(rest, down()), rows), batch = e.divide(rest, down());
    Tile tile(e, rows, columns);
    auto a = [&](Value line, Value at) { return elements(0, batch, e.add(row, line), at); };
    auto b = [&](Value line, Value at) { return elements(1, batch, e.add(column, line), at); };
    Values sums = tile.multiply({reads[0], a, isContiguous(kernel, 0, 'k')},
                                {reads[1], b, isContiguous(kernel, 1, 'k')}, k, memory, 0);
    if (e.limits.staged) e.barrier();
    tile.each(sums, memory, [&](Value r, Value c, Value sum) {
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
