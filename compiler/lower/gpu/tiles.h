// A tile of results, shared out to the workgroup's invocations as register tiles: each has every `down`-th row and every
// `across`-th column, so that neighbours read neighbouring elements.
#pragma once
#include "heed/compiler/lower/gpu/simt.h"

namespace heed::gpu {

// Elements of workgroup memory: memory[at + (from + k) · kStride + line · stride]; `from` is 0 where it is null.
struct Panel {
  Value memory;
  std::int64_t at = 0, kStride = 1, stride = 1;
  Value from = {};
};

class Tile {
 public:
  // `rows` and `columns` are multiples of what the invocations span.
  Tile(Simt& e, std::int64_t rows, std::int64_t columns);
  std::int64_t height() const { return rows / down; }
  std::int64_t width() const { return columns / wide; }
  Values zeros();
  // sums[r, c] + Σ_k a[k, row r] · b[k, column c] for k below a constant depth.
  Values multiply(const Panel& a, const Panel& b, std::int64_t depth, ValueRange sums);

  // Own rows and columns, counted by a register's row and column.
  Value row(Value r);
  Value column(Value c);
  Value row(std::int64_t r) { return row(e.constant(r)); }
  Value column(std::int64_t c) { return column(e.constant(c)); }

  // Registers through the invocation's own words of workgroup memory, so that one piece of code serves all of them.
  // memory: invocations for each of the sums. The body gets row, column and sum.
  void each(ValueRange sums, Value memory, llvm::function_ref<void(Value row, Value column, Value sum)> body);

  std::int64_t rows, columns;

 private:
  Simt& e;
  std::int64_t wide, down;  // invocations along columns and rows
  Value x, y;
};

// memory[k · (lines + 1) + line] = value(line, k) for lines × depth elements; all invocations take part. Neighbours take
// neighbouring k where that is how the operand lies.
Panel fill(Simt& e, Value memory, std::int64_t at, std::int64_t lines, std::int64_t depth, bool kFastest,
           llvm::function_ref<Value(Value line, Value k)> value);
constexpr std::int64_t panelSize(std::int64_t lines, std::int64_t depth) { return (lines + 1) * depth; }
// Whether ins[operand]'s elements along the role lie side by side.
bool isContiguous(const tile::Kernel& kernel, int operand, char role);

}  // namespace heed::gpu
