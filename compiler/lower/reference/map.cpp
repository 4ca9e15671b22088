// outs[r][i] = body(ins[i]…)_r; with `gather`, ins[0] is read at ins[1] along its first axis; with
// `append`, outs[0] is ins[0] but for what is written, at ins[1] along its third axis
#include "heed/compiler/lower/reference/kinds.h"

using namespace mlir;

namespace heed::reference {

Lowering map(Writer& w, ir::MapOp op) {
  return w.items("i", [&] {
    for (auto [n, y] : llvm::enumerate(w.region(op.getBody(), {}, 0))) w.write(int(n), y);
  });
}

}  // namespace heed::reference
