// The meaning of a region on one element, as code: floats are f64 whatever they are stored as,
// integers have their own width, bools are i1. Transcendental functions are libm's.
#pragma once
#include "heed/compiler/lower/tile/kernel.h"
#include "mlir/IR/Builders.h"

namespace heed::reference {

// What a region may ask about where it runs.
struct Surroundings {
  llvm::function_ref<mlir::Value(unsigned argument)> argument;  // of the region
  llvm::function_ref<mlir::Value(mlir::AffineMap)> coordinate;  // as an index
  llvm::function_ref<mlir::Value(const Dim&)> extent;           // as an index
  llvm::function_ref<mlir::Value(unsigned argument, unsigned axis, mlir::Value index)> lookup;
};

// The values that the region yields.
mlir::FailureOr<llvm::SmallVector<mlir::Value>> evaluate(mlir::Region& region, mlir::OpBuilder& b,
                                                         const Surroundings& around);

// What a stored element is in regions, and back. Bools are stored as i8.
mlir::Type scalarType(mlir::Type element);
mlir::Type storedType(mlir::Type element);
mlir::Value fromStorage(mlir::OpBuilder& b, mlir::Location at, mlir::Value x, mlir::Type element);
mlir::Value toStorage(mlir::OpBuilder& b, mlir::Location at, mlir::Value x, mlir::Type element);
mlir::Value scalarConstant(mlir::OpBuilder& b, mlir::Location at, double value, mlir::Type scalar);

}  // namespace heed::reference
