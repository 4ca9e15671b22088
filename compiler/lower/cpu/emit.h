// What every CPU emitter writes with: a builder over func, scf, arith, vector and memref (1-D
// only), and the only place that knows the instruction set, through Target.
#pragma once
#include "heed/compiler/lower/tile/emitter.h"
#include "heed/compiler/lower/tile/kernel.h"
#include "heed/compiler/target.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace heed::cpu {

using mlir::Type;
using mlir::Value;
using mlir::ValueRange;
using tile::constantOf;
using tile::Values;

// The arguments of a function of contract 2.
struct KernelArguments {
  Values buffers;  // memref<1073741824xT>
  Value begin, end;
  Value scratch;   // memref<..xi8>
};

class Emit : public tile::Emitter {
 public:
  // `symbols` of every function begun here: those that the kernel's extents and accesses name, in
  // order.
  Emit(const tile::Kernel& kernel, const Target& target, mlir::ModuleOp module);

  const tile::Kernel& kernel;
  const Target& target;
  mlir::VectorType vector;   // target.lanes of f32
  mlir::VectorType ints;     // as many i32

  int lanes() const { return target.lanes; }

  // ---- functions ----
  // A launch's function; what is emitted next is its body, until finish().
  KernelArguments beginKernel(llvm::StringRef name, llvm::ArrayRef<Type> buffers);
  void finishKernel();  // returns kernel_ok
  // A private function of the given arguments (the symbols follow by themselves), ended by
  // finish().
  Values beginFunction(llvm::StringRef name, llvm::ArrayRef<Type> arguments);
  void finishFunction();
  void call(llvm::StringRef name, llvm::ArrayRef<Value> arguments);
  // A function that kernels share, within a program: its name says all that its code depends on,
  // its arguments are all that it knows. False where the module has it already.
  bool beginShared(llvm::StringRef name, llvm::ArrayRef<Type> types, Values& arguments);
  void callShared(llvm::StringRef name, llvm::ArrayRef<Value> arguments);
  Type bufferType(Type element);
  Type bufferType(const tile::Access& access);  // bools are i8
  Value view(Value scratch, Value byte, Type element);  // of the scratch
  // The launch's run-time dimensions, in the order of the function's index arguments.
  std::vector<Dim> dims() const;

  Value dim(const Dim& value);               // as an index

  // ---- vectors ----
  Value splat(float value);                    // f32 lanes
  Value broadcast(Value scalar);
  Value iota();                                // i32 lanes 0, 1, …
  Value lanesBelow(Value limit);               // i1 lanes: lane < limit
  Value load(Value buffer, Value at) { return load(vector, buffer, at); }
  Value load(mlir::VectorType type, Value buffer, Value at);
  // masked, zero elsewhere; a null mask is all lanes
  Value load(Value buffer, Value at, Value mask);
  Value loadScalar(Value buffer, Value at);
  Value loadBroadcast(Value buffer, Value at) { return broadcast(loadScalar(buffer, at)); }
  void store(Value lanes, Value buffer, Value at, Value mask = {});
  void storeScalar(Value x, Value buffer, Value at);
  // of the line that holds the element; any address may be named
  void prefetch(Value buffer, Value at);
  void prefetchRun(Value buffer, Value at, std::int64_t elements);  // its f32, up to a kilobyte
  // Where in memory an element lies, as an index, and the line that holds a byte of such an
  // address.
  Value addressOf(Value buffer, Value at);
  void prefetchLine(Value address);
  Value shuffle(Value x, Value y, llvm::ArrayRef<std::int64_t> lanes);
  Value largest(Value lanes);                  // across lanes; no NaNs
  Value sum(Value lanes);

  // ---- control ----
  // body(i, s) stands for step i + s of `steps` a turn: what is added to i stays an address'
  // displacement.
  Values unrolled(Value low, Value high, std::int64_t steps, ValueRange carried,
                  llvm::function_ref<Values(Value, std::int64_t, ValueRange)> body);
  // Several steps a turn leave room beside the multiplications for another thread of the core;
  // where a step has many of them, more than two gain nothing and take longer to compile.
  static constexpr std::int64_t stepsFor(std::int64_t multiplications) {
    return multiplications < 16 ? 4 : 2;
  }
  // body(c) for the case c that equals `value`.
  void switchOn(Value value, llvm::ArrayRef<std::int64_t> cases,
                llvm::function_ref<void(std::int64_t)> body);

 private:
  // ofKernel: its first arguments are the kernel's ins and outs
  mlir::func::FuncOp begin(llvm::StringRef name, llvm::ArrayRef<Type> types, Type result,
                           bool ofKernel);
  void findCoinciding();
  mlir::ModuleOp module;
  std::vector<std::uint64_t> symbols;  // keys of dim.h
  Values symbolValues;                 // in the function being emitted
  // ins, then outs: whether the buffer may be that of another
  llvm::SmallVector<bool> coincide;
};

}  // namespace heed::cpu
