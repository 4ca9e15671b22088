// What all emitters write with: a builder over arith, math and scf. Arithmetic takes index values,
// scalars and vectors alike, and goes by the type of its first argument.
#pragma once
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"

namespace heed::tile {

using mlir::Type;
using mlir::Value;
using mlir::ValueRange;
using Values = llvm::SmallVector<Value>;

class Emitter;

// What a machine does in one instruction.
struct Instructions {
  bool fma = true;    // otherwise multiply and add
  bool round = true;  // to even; otherwise by adding a large number
  // p · 2^n for a whole n of any size, and where there is `fraction`, n - ⌊n⌋, p · 2^⌊n⌋ for any n;
  // null for values of another type, absent where there is none at all.
  Value (*scale)(Emitter& e, Value p, Value n) = nullptr;
  Value (*fraction)(Emitter& e, Value n) = nullptr;
};

class Emitter {
 public:
  Emitter(mlir::MLIRContext* context, mlir::Location loc, Instructions instructions);

  mlir::OpBuilder b;
  mlir::Location loc;
  Instructions instructions;
  mlir::Type f32, i32, index;

  // ---- index arithmetic (never negative where it divides) ----
  Value constant(std::int64_t value);
  Value divide(Value x, Value y);
  Value divide(Value x, std::int64_t y) { return divide(x, constant(y)); }
  Value remainder(Value x, Value y);
  // in [0, y) for an x that may be negative, as a rolled coordinate is
  Value floorRemainder(Value x, Value y);
  Value ceilDivide(Value x, std::int64_t y) { return divide(add(x, y - 1), y); }
  Value ceilDivide(Value x, Value y) { return divide(sub(add(x, y), constant(1)), y); }
  Value roundUp(Value x, std::int64_t y) { return mul(ceilDivide(x, y), y); }
  Value roundDown(Value x, std::int64_t y) { return mul(divide(x, y), y); }

  // ---- arithmetic ----
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
  // a constant of x's type, scalar or lanes, float or integer
  Value constantLike(Value x, double value);

  // ---- control ----
  using LoopBody = llvm::function_ref<Values(Value, ValueRange)>;
  Values loop(Value low, Value high, std::int64_t step, ValueRange carried, LoopBody body);
  void loop(Value low, Value high, std::int64_t step, llvm::function_ref<void(Value)> body);
  // Constant bounds; a single step is emitted inline.
  void loop(std::int64_t low, std::int64_t high, std::int64_t step,
            llvm::function_ref<void(Value)> body);
  void when(Value condition, llvm::function_ref<void()> then);
  Values choose(Value condition, mlir::TypeRange types, llvm::function_ref<Values()> then,
                llvm::function_ref<Values()> otherwise);
};

// Value of a constant index, if it is one.
std::optional<std::int64_t> constantOf(Value index);

}  // namespace heed::tile
