// outs[b,m,n] = epilogue(Σ_k prologue(a[b,m,k]) · b[b,k,n,p] for each part p)
#include "mlir/Dialect/Arith/IR/Arith.h"

#include "heed/compiler/lower/reference/kinds.h"

using namespace mlir;

namespace heed::reference {

Lowering contract(Writer& w, ir::ContractOp op) {
  return w.items("bmn", [&] {
    Values sums;
    for (int64_t p = 0; p < w.kernel.extentOf('p').constant; ++p) {
      w.setNumber('p', w.index(p));
      sums.push_back(w.over('k', ValueRange{w.f64(0)}, [&](ValueRange sum) {
        Value x = w.region(op.getPrologue(), w.read(0), tile::contract_captured)[0];
        Value product = w.emit<arith::MulFOp>(x, w.read(1));
        return Values{w.emit<arith::AddFOp>(sum[0], product)};
      })[0]);
    }
    for (auto [n, y] : llvm::enumerate(w.region(op.getEpilogue(), sums, tile::contract_captured)))
      w.write(int(n), y);
  });
}

}  // namespace heed::reference
