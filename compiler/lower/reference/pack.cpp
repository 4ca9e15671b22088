// outs[0][batch, q · parts + p, k, c] = in[batch, k, n = q · width + c, p], and 0 where n has no
// column
#include "mlir/Dialect/Arith/IR/Arith.h"

#include "heed/compiler/lower/reference/kinds.h"

using namespace mlir;

namespace heed::reference {

Lowering pack(Writer& w, ir::PackOp op) {
  const Shape& shape = w.kernel.outs[0].shape;
  return w.items(element_count(shape), [&](Value item) {
    Values place(4);
    for (int axis : {3, 2, 1, 0}) {
      place[axis] = w.emit<arith::RemUIOp>(item, w.dim(shape[axis]));
      item = w.emit<arith::DivUIOp>(item, w.dim(shape[axis]));
    }
    Value parts = w.dim(w.kernel.extentOf('p'));
    Value n = w.emit<arith::AddIOp>(w.emit<arith::MulIOp>(w.emit<arith::DivUIOp>(place[1], parts),
                                                          w.index(int64_t(op.getWidth()))),
                                    place[3]);
    Value exists =
        w.emit<arith::CmpIOp>(arith::CmpIPredicate::ult, n, w.dim(w.kernel.extentOf('n')));
    Type scalar = scalarType(ir::elementType(w.b.getContext(), w.kernel.ins[0].dtype));
    Value x = w.choose(
        exists, scalar,
        [&] {
          w.setNumber('b', place[0]);
          w.setNumber('n', n);
          w.setNumber('p', w.emit<arith::RemUIOp>(place[1], parts));
          w.setNumber('k', place[2]);
          return Values{w.read(0)};
        },
        [&] { return Values{scalarConstant(w.b, w.at, 0, scalar)}; })[0];
    w.writeAt(0, place, x);
  });
}

}  // namespace heed::reference
