#include "heed/compiler/dialect/heed.h"

#include "llvm/ADT/TypeSwitch.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

#include "heed/dsl/graph/rules.h"

#include "heed_dialect.cpp.inc"

using namespace mlir;

namespace heed::ir {

void HeedDialect::initialize() { registerHeedDialectOperations(this); }

Shape shapeOf(Type type) {
  Shape shape;
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor) return shape;
  llvm::SmallVector<StringRef> dims;
  if (auto text = dyn_cast_or_null<StringAttr>(tensor.getEncoding()))
    text.getValue().split(dims, ',');
  for (auto [axis, size] : llvm::enumerate(tensor.getShape())) {
    if (!ShapedType::isDynamic(size)) {
      shape.append(Dim(size));
      continue;
    }
    std::optional<Dim> dim;
    if (axis < dims.size()) dim = parse_dim(dims[axis].trim());
    if (!dim) {
      dim = Dim();
      dim->invalid = true;
    }
    shape.append(*dim);
  }
  return shape;
}

RankedTensorType tensorType(const Shape& shape, Type element) {
  SmallVector<int64_t> sizes;
  std::string text;
  for (int i = 0; i < shape.rank; ++i) {
    const Dim& dim = shape.dims[i];
    sizes.push_back(dim.is_static() ? dim.constant : ShapedType::kDynamic);
    text += (i ? "," : "") + text_of(dim);
  }
  Attribute encoding;
  if (!is_static(shape)) encoding = StringAttr::get(element.getContext(), text);
  return RankedTensorType::get(sizes, element, encoding);
}

Type elementType(MLIRContext* context, DType dtype) {
  Builder b(context);
  switch (dtype) {
    case DType::f32: return b.getF32Type();
    case DType::f16: return b.getF16Type();
    case DType::bf16: return b.getBF16Type();
    case DType::i8: return b.getI8Type();
    case DType::i32: return b.getI32Type();
    case DType::i64: return b.getI64Type();
    case DType::boolean: return b.getI1Type();
  }
  return {};
}

DType dtypeOf(Type type) {
  type = getElementTypeOrSelf(type);
  if (type.isF16()) return DType::f16;
  if (type.isBF16()) return DType::bf16;
  if (type.isInteger(8)) return DType::i8;
  if (type.isInteger(32)) return DType::i32;
  if (type.isInteger(64)) return DType::i64;
  if (type.isInteger(1)) return DType::boolean;
  return DType::f32;
}

Value stepOf(OpBuilder& b, Location location, Value x, int64_t axis, StringRef symbol) {
  Shape shape = shapeOf(x);
  Dim number = *parse_dim(symbol);
  Type element = getElementTypeOrSelf(x.getType());
  Type step = tensorType(
      graph::infer_step({dtypeOf(element), shape}, axis, shape.dims[axis]).type.shape, element);
  shape.dims[axis] = Dim(1);
  Value slice =
      SliceOp::create(b, location, tensorType(shape, element), x, b.getI64IntegerAttr(axis),
                      b.getStringAttr(text_of(number - Dim(1))), b.getStringAttr(text_of(number)));
  return ReshapeOp::create(b, location, step, slice);
}

Value ofTurns(OpBuilder& b, Value all, int64_t axis, Value turns) {
  Location location = all.getLoc();
  Shape along;
  for (int64_t i = 0; i < shapeOf(all).rank; ++i)
    along.append(i == axis ? shapeOf(all).dims[i] : Dim(1));
  Value turn =
      PositionOp::create(b, location, tensorType(along, b.getI64Type()), b.getI64IntegerAttr(axis));
  Value ran = LtOp::create(b, location, tensorType(along, b.getI1Type()), turn, turns);
  Value none = ConstantOp::create(b, location, RankedTensorType::get({}, getElementTypeOrSelf(all)),
                                  b.getF64FloatAttr(0));
  return WhereOp::create(b, location, all.getType(), ran, all, none);
}

bool dependsOn(const Dim& dim, const Dim& symbol) {
  uint64_t key = symbol.terms[0].factors[0].symbol;
  for (const Term& term : dim.terms)
    for (const Atom& factor : term.factors)
      if (factor.symbol == key) return true;
  return false;
}

bool isScalarOp(Operation* op) {
  return isa<AddOp, SubOp, MulOp, DivOp, MaximumOp, MinimumOp, PowOp, EqOp, NeOp, LtOp, LeOp, GtOp,
             GeOp, LogicalAndOp, LogicalOrOp, LogicalNotOp, WhereOp, CastOp, RandomOp, NegOp, AbsOp,
             ExpOp, LogOp, SqrtOp, RsqrtOp, TanhOp, SigmoidOp, ErfOp, SinOp, CosOp, ReluOp, GeluOp,
             SiluOp>(op);
}
bool isLayoutOp(Operation* op) {
  return isa<ReshapeOp, PermuteOp, SliceOp, PadOp, BroadcastOp, RollOp, ConcatOp, WindowOp>(op);
}
bool isKernelOp(Operation* op) { return isa<ContractOp, AttentionOp, RowsOp, MapOp, PackOp>(op); }
bool isAppend(Operation* op) {
  auto map = dyn_cast_or_null<MapOp>(op);
  return map && map.getAppend();
}

}  // namespace heed::ir
