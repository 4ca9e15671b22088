// What the reference kernels are written with: a function that goes through its work items one by
// one, loops over the digits of a role, and loads and stores that check every coordinate against
// the tensor's shape.
#pragma once
#include "heed/compiler/lower/reference/scalar.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace heed::reference {

using mlir::Value;
using mlir::ValueRange;
using Values = llvm::SmallVector<Value>;

class Writer {
 public:
  Writer(const tile::Kernel& kernel, mlir::ModuleOp module);

  // The whole kernel: `body` for each combination of the roles' digits, which is one work item.
  mlir::FailureOr<tile::Lowered> items(llvm::StringRef roles, llvm::function_ref<void()> body,
                                       Dim scratch_bytes = {0});
  // The same for `count` items; the body gets the item's number.
  mlir::FailureOr<tile::Lowered> items(const Dim& count, llvm::function_ref<void(Value)> body,
                                       Dim scratch_bytes = {0});

  // The digits of a role run through all their combinations; `carried` goes from one to the next.
  Values over(char role, ValueRange carried, llvm::function_ref<Values(ValueRange)> body);
  void over(char role, llvm::function_ref<void()> body);
  // The role's digits, read as one number.
  Value number(char role);
  void setNumber(char role, Value number);

  // ins[n] where the digits stand; out of bounds is its fill, or fails the run. Floats come as f64.
  // Under `gather` the coordinate of ins[0] along its first axis is the value of ins[1].
  Value read(int n);
  // The same, the coordinate along an axis being `index`; outside fails the run.
  Value lookup(int n, unsigned axis, Value index);
  // Under `append` the value of ins[1] is added to the coordinate of outs[0] along its third axis.
  void write(int out, Value x);
  void writeAt(int out, ValueRange coordinates, Value x);
  // The region where the digits stand. `leading` is what it transforms; captured operands start at
  // ins[`captured`].
  Values region(mlir::Region& region, ValueRange leading, int captured);

  // Element n of the scratch memory, as f64.
  Value scratch(Value n);
  void setScratch(Value n, Value x);

  Value f64(double value);
  Value index(std::int64_t value);
  Value dim(const Dim& value);
  template <class Op, class... Arguments>
  Value emit(Arguments&&... arguments) {
    return Op::create(b, at, std::forward<Arguments>(arguments)...).getResult();
  }
  // Values that depend on a condition.
  Values choose(Value condition, mlir::TypeRange types, llvm::function_ref<Values()> then,
                llvm::function_ref<Values()> otherwise);
  void when(Value condition, llvm::function_ref<void()> then);

  const tile::Kernel& kernel;
  mlir::OpBuilder b;
  mlir::Location at;

 private:
  Values loop(Value begin, Value end, ValueRange carried,
              llvm::function_ref<Values(Value, ValueRange)> body);
  void begin();
  Value buffer(size_t n);
  Value affine(mlir::AffineExpr expression);
  Values coordinates(mlir::AffineMap map);
  Value readAt(int n, ValueRange place, bool computed);
  Value within(ValueRange coordinates, const Shape& shape);
  Value address(ValueRange coordinates, const tile::Layout& layout);
  void fail();

  mlir::ModuleOp module;
  mlir::func::FuncOp function;
  Values digits;          // null while a role does not run
  Value status, bytes;    // the function's result, its scratch
  std::vector<Dim> dims;  // of the launch; the function's index arguments
  bool ok = true;
};

}  // namespace heed::reference
