// The heed dialect's C++ side: ops, shapes of tensor types, verification.
#pragma once
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "heed/dsl/graph/graph.h"

namespace heed::ir {

// Shape of a tensor type; symbolic dimensions come from its encoding.
Shape shapeOf(mlir::Type type);
inline Shape shapeOf(mlir::Value value) { return shapeOf(value.getType()); }
// An axis attribute as a position in the shape; negative ones count from the right.
inline std::int64_t axisIn(const Shape& shape, std::int64_t axis) {
  return axis < 0 ? axis + shape.rank : axis;
}
mlir::RankedTensorType tensorType(const Shape& shape, mlir::Type element);

// f32, f16, bf16, i8, i32, i64, and i1 for bool.
mlir::Type elementType(mlir::MLIRContext* context, DType dtype);
DType dtypeOf(mlir::Type element);

mlir::LogicalResult verifyByShapeRules(mlir::Operation* op);
mlir::LogicalResult verifyKernel(mlir::Operation* op);

// x at a step: its slice [symbol - 1, symbol) without the axis.
mlir::Value stepOf(mlir::OpBuilder& b, mlir::Location location, mlir::Value x, std::int64_t axis,
                   mlir::StringRef symbol);
// What a loop has stacked along `axis`, 0 behind its last turn; turns: how many it took.
mlir::Value ofTurns(mlir::OpBuilder& b, mlir::Value all, std::int64_t axis, mlir::Value turns);
bool dependsOn(const Dim& dim, const Dim& symbol);

bool isScalarOp(mlir::Operation* op);  // elementwise: the same op on tensors and in regions
bool isLayoutOp(mlir::Operation* op);
bool isKernelOp(mlir::Operation* op);
bool isAppend(mlir::Operation* op);    // the kernel op that updates ins[0] in its place

}  // namespace heed::ir

#include "heed_dialect.h.inc"
#define GET_OP_CLASSES
#include "heed_ops.h.inc"
