#include "heed/compiler/lower/cpu/storage.h"

using namespace mlir;

namespace heed::cpu {

// `element`, in as many lanes as x has.
static Type like(Value x, Type element) {
  auto lanes = dyn_cast<VectorType>(x.getType());
  return lanes ? Type(lanes.clone(element)) : element;
}

Value fromStorage(Emit& e, Value x, DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32: return x;
    case DType::f16:
    case DType::bf16: return arith::ExtFOp::create(e.b, e.loc, like(x, e.f32), x);
    case DType::i8: return arith::ExtSIOp::create(e.b, e.loc, like(x, e.i32), x);
    case DType::i64: return arith::TruncIOp::create(e.b, e.loc, like(x, e.i32), x);
    case DType::boolean: return e.compare(arith::CmpIPredicate::ne, x, e.constantLike(x, 0));
  }
  return x;
}

Value toStorage(Emit& e, Value x, DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32: return x;
    case DType::f16: return arith::TruncFOp::create(e.b, e.loc, like(x, e.b.getF16Type()), x);
    case DType::bf16: return arith::TruncFOp::create(e.b, e.loc, like(x, e.b.getBF16Type()), x);
    case DType::i8: return arith::TruncIOp::create(e.b, e.loc, like(x, e.b.getI8Type()), x);
    case DType::i64: return arith::ExtSIOp::create(e.b, e.loc, like(x, e.b.getI64Type()), x);
    case DType::boolean: return arith::ExtUIOp::create(e.b, e.loc, like(x, e.b.getI8Type()), x);
  }
  return x;
}

}  // namespace heed::cpu
