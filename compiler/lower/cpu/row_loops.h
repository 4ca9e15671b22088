// Loops over the elements of one row of a reduction, in lanes or one after another.
#pragma once
#include "heed/compiler/lower/cpu/stream.h"

namespace heed::cpu {

enum class Fold { sum, max, min };
Value neutralOf(Emit& e, Fold kind, Type element);  // a scalar that changes nothing under the fold
Value combine(Emit& e, Fold kind, Value x, Value y);

// A digit of k that addresses x[from + digit]: only where that is in [0, extent) it has something
// to say.
struct Clip {
  mlir::AffineExpr from;
  Dim extent;
};

struct RowLoops {
  Emit& e;
  std::vector<int> digits;  // of k, the lanes' one last
  bool along_k = false;     // lanes run along the last one
  // of each digit of the kernel, but the lanes' one; empty: of none
  std::vector<std::optional<Clip>> clips = {};

  // k numbers the row's elements.
  using Element = llvm::function_ref<Value(Cursor&, Value k)>;

  // All elements folded, with several accumulators whose number depends on nothing at run time: a
  // scalar where lanes run along k, as `at` has them otherwise. `element` is the values' type.
  Value fold(const Cursor& at, Fold kind, Type element, Element value) const;
  void forEach(const Cursor& at, llvm::function_ref<void(Cursor&, Value k)> body) const;
  // Of digit `level`, the values that are not clipped.
  std::pair<Value, Value> rangeOf(const Cursor& at, size_t level) const;

 private:
  struct Folding;
  Values foldFrom(const Folding& folding, const Cursor& at, size_t level, Value base,
                  Values sums) const;
  Values foldRun(const Folding& folding, const Cursor& at, Value base, Values sums) const;
  void visit(const Cursor& at, size_t level, Value base,
             llvm::function_ref<void(Cursor&, Value)> body) const;
  const Clip* clipOf(size_t level) const;
  Value extent(size_t level) const { return e.dim(e.kernel.digits[digits[level]].extent); }
};

}  // namespace heed::cpu
