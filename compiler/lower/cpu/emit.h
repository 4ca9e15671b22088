// What every CPU emitter writes with: a builder over func, scf, arith, vector and memref (1-D only), and the only
// place that knows the instruction set, through Target. Arithmetic takes index values, scalars and vectors alike.
#pragma once
#include "heed/compiler/lower/tile/kernel.h"
#include "heed/compiler/target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace heed::cpu {

using mlir::Type;
using mlir::Value;
using mlir::ValueRange;
using Values = llvm::SmallVector<Value>;

// The arguments of a function of contract 2.
struct KernelArguments {
  Values buffers;  // memref<1073741824xT>
  Value begin, end;
  Value scratch;   // memref<..xi8>
};

class Emit {
 public:
  // `symbols` of every function begun here: those that the kernel's extents and accesses name, in order.
  Emit(const tile::Kernel& kernel, const Target& target, mlir::ModuleOp module);

  const tile::Kernel& kernel;
  const Target& target;
  mlir::OpBuilder b;
  mlir::Location loc;
  mlir::Type f32, i32, index;
  mlir::VectorType vector;   // target.lanes of f32
  mlir::VectorType ints;     // as many i32

  int lanes() const { return target.lanes; }

  // ---- functions ----
  // A launch's function; what is emitted next is its body, until finish().
  KernelArguments beginKernel(llvm::StringRef name, llvm::ArrayRef<Type> buffers);
  void finishKernel();  // returns kernel_ok
  // A private function of the given arguments (the symbols follow by themselves), ended by finish().
  Values beginFunction(llvm::StringRef name, llvm::ArrayRef<Type> arguments);
  void finishFunction();
  void call(llvm::StringRef name, llvm::ArrayRef<Value> arguments);
  Type bufferType(Type element);
  Type bufferType(const tile::Access& access);  // bools are i8
  Value view(Value scratch, Value byte, Type element);  // of the scratch
  // The launch's run-time dimensions, in the order of the function's index arguments.
  std::vector<Dim> dims() const;

  // ---- index arithmetic (never negative where it divides) ----
  Value dim(const Dim& value);
  Value constant(std::int64_t value);
  Value divide(Value x, Value y);
  Value divide(Value x, std::int64_t y) { return divide(x, constant(y)); }
  Value remainder(Value x, Value y);
  Value ceilDivide(Value x, std::int64_t y) { return divide(add(x, y - 1), y); }
  Value ceilDivide(Value x, Value y) { return divide(sub(add(x, y), constant(1)), y); }
  Value roundUp(Value x, std::int64_t y) { return mul(ceilDivide(x, y), y); }
  Value roundDown(Value x, std::int64_t y) { return mul(divide(x, y), y); }

  // ---- arithmetic, by the type of x ----
  Value add(Value x, Value y);
  Value add(Value x, std::int64_t y) { return y ? add(x, constant(y)) : x; }
  Value sub(Value x, Value y);
  Value mul(Value x, Value y);
  Value mul(Value x, std::int64_t y) { return y == 1 ? x : mul(x, constant(y)); }
  Value div(Value x, Value y);                 // of floats
  Value fma(Value x, Value y, Value z);        // x y + z, in one rounding where the target can
  Value max(Value x, Value y);                 // x > y ? x : y; a NaN in y survives
  Value min(Value x, Value y);
  Value neg(Value x);
  Value abs(Value x);
  Value roundEven(Value x);                    // |x| < 2^22 where the target cannot round
  Value select(Value condition, Value x, Value y);
  Value compare(mlir::arith::CmpIPredicate p, Value x, Value y);
  Value compare(mlir::arith::CmpFPredicate p, Value x, Value y);
  Value below(Value x, Value y) { return compare(mlir::arith::CmpIPredicate::slt, x, y); }
  Value equal(Value x, Value y) { return compare(mlir::arith::CmpIPredicate::eq, x, y); }

  // ---- vectors ----
  Value splat(float value);                    // f32 lanes
  Value constantLike(Value x, double value);   // a constant of x's type, scalar or lanes, float or integer
  Value broadcast(Value scalar);
  Value iota();                                // i32 lanes 0, 1, …
  Value lanesBelow(Value limit);               // i1 lanes: lane < limit
  Value load(Value buffer, Value at) { return load(vector, buffer, at); }
  Value load(mlir::VectorType type, Value buffer, Value at);
  Value load(Value buffer, Value at, Value mask);   // masked, zero elsewhere; a null mask is all lanes
  Value loadScalar(Value buffer, Value at);
  Value loadBroadcast(Value buffer, Value at) { return broadcast(loadScalar(buffer, at)); }
  void store(Value lanes, Value buffer, Value at, Value mask = {});
  void storeScalar(Value x, Value buffer, Value at);
  void prefetch(Value buffer, Value at);       // of the line that holds the element; any address may be named
  Value shuffle(Value x, Value y, llvm::ArrayRef<std::int64_t> lanes);
  Value largest(Value lanes);                  // across lanes; no NaNs
  Value sum(Value lanes);
  Value intrinsic(llvm::StringRef name, Type type, ValueRange arguments);

  // ---- control ----
  using LoopBody = llvm::function_ref<Values(Value, ValueRange)>;
  Values loop(Value low, Value high, std::int64_t step, ValueRange carried, LoopBody body);
  void loop(Value low, Value high, std::int64_t step, llvm::function_ref<void(Value)> body);
  // Constant bounds; a single step is emitted inline.
  void loop(std::int64_t low, std::int64_t high, std::int64_t step, llvm::function_ref<void(Value)> body);
  // body(i, s) stands for step i + s: what is added to i stays an address' displacement. Several steps a turn leave room
  // beside the multiplications for another thread of the core.
  static constexpr std::int64_t unroll = 4;
  Values unrolled(Value low, Value high, ValueRange carried,
                  llvm::function_ref<Values(Value, std::int64_t, ValueRange)> body);
  void when(Value condition, llvm::function_ref<void()> then);
  Values choose(Value condition, mlir::TypeRange types, llvm::function_ref<Values()> then,
                llvm::function_ref<Values()> otherwise);
  // body(c) for the case c that equals `value`.
  void switchOn(Value value, llvm::ArrayRef<std::int64_t> cases, llvm::function_ref<void(std::int64_t)> body);

 private:
  mlir::func::FuncOp begin(llvm::StringRef name, llvm::ArrayRef<Type> types, Type result);
  mlir::ModuleOp module;
  std::vector<std::uint64_t> symbols;  // keys of dim.h
  Values symbolValues;                 // in the function being emitted
};

// Value of a constant index, if it is one.
std::optional<std::int64_t> constantOf(Value index);

}  // namespace heed::cpu
