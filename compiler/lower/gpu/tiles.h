// A tile of results, shared out to the workgroup's invocations as register tiles. On a GPU each has
// every `down`-th row and every `wide`-th column, so that neighbours read neighbouring elements; on
// a CPU, whose lanes read one by one, rows and columns that lie side by side.
#pragma once
#include <algorithm>

#include "heed/compiler/lower/gpu/simt.h"

namespace heed::gpu {

// How an operand's elements are read: one by one, or several together, along k or from line to
// line.
struct Reads {
  enum Way { ones, along_k, along_lines } way = ones;
  std::int64_t together = 1;
};
// The best way where the operand's lines run along role `line`, k along role `k`: 16 bytes where
// they are aligned, be they four floats or, on their way through workgroup memory, eight halves;
// otherwise four halves.
Reads readsOf(const Simt& e, int operand, char line, char k);

// What a tile multiplies: elements of lines (rows of A, columns of B) at k, as many as `reads`
// says.
struct Source {
  Reads reads;
  llvm::function_ref<Values(Value line, Value k)> elements;
  bool kFastest = false;  // those along k lie side by side
};

// One that lies in workgroup memory: memory[at + k · kStride + line · stride].
struct Panel {
  Value element(Simt& e, Value line, Value k) const {
    return e.load(memory, e.add(e.add(e.mul(line, stride), at), e.mul(k, kStride)));
  }
  Value memory;
  std::int64_t at = 0, kStride = 1, stride = 1;
};

class Tile {
 public:
  // `rows` and `columns` are multiples of what the invocations span.
  Tile(Simt& e, std::int64_t rows, std::int64_t columns);
  std::int64_t height() const { return rows / down; }
  std::int64_t width() const { return columns / wide; }
  Values zeros();
  // sums[r, c] + Σ_k a(row r, k) · b(column c, k) for k in [low, high), which is a multiple of
  // `step`, 1 or 4.
  Values multiply(const Source& a, const Source& b, Value low, Value high, std::int64_t step,
                  ValueRange sums);
  // The same for all k below the extent, as the target wants it: read by each invocation for
  // itself, or in pieces that pass through workgroup memory from memory[at] on, where there is room
  // for panels of both.
  Values multiply(const Source& a, const Source& b, const Dim& extent, Value memory,
                  std::int64_t at);

  // Own rows and columns, counted by a register's row and column.
  Value row(Value r);
  Value column(Value c);
  Value row(std::int64_t r) { return row(e.constant(r)); }
  Value column(std::int64_t c) { return column(e.constant(c)); }

  // Registers through the invocation's own words of workgroup memory, so that one piece of code
  // serves all of them. memory: eachWords. The body gets row, column and sum.
  std::int64_t eachWords() const { return together(height() * width()) * e.limits.invocations; }
  void each(ValueRange sums, Value memory,
            llvm::function_ref<void(Value row, Value column, Value sum)> body);

  std::int64_t rows, columns;

 private:
  // Of `count` own lines, `step` deep from k on: [line, step].
  Values gather(const Source& source, llvm::function_ref<Value(std::int64_t)> line,
                std::int64_t count, Value k, std::int64_t step);
  static std::int64_t together(std::int64_t sums) { return std::min<std::int64_t>(sums, 8); }
  Values staged(const Source& a, const Source& b, const Dim& extent, Value memory, std::int64_t at);

  Simt& e;
  std::int64_t wide, down;  // invocations along columns and rows
};

// memory[k · panelStride + line] = source(line, k) for lines × depth elements, both multiples of 4;
// all invocations take part. Neighbours take neighbouring k where the operand lies so, but those
// that are read together go by how they are read.
Panel fill(Simt& e, Value memory, std::int64_t at, std::int64_t lines, std::int64_t depth,
           const Source& source);
// With a multiple of 32 lines neighbours meet different ones of 32 banks, be they 16 of consecutive
// k by 2 lines or, where they hold four or eight of k, 4 by 8 or 2 by 16; those that hold several
// lines meet in twos.
constexpr std::int64_t panelStride(std::int64_t lines) { return lines + 2; }
constexpr std::int64_t panelSize(std::int64_t lines, std::int64_t depth) {
  return panelStride(lines) * depth;
}
// Of a tile along a static extent: not much more than there is.
std::int64_t fitting(const Dim& extent, std::int64_t least, std::int64_t most);
// Tiles of `size` that a static extent takes.
constexpr std::int64_t tilesOf(const Dim& extent, std::int64_t size) {
  return (extent.constant + size - 1) / size;
}
// Whether ins[operand]'s elements along the role lie side by side.
bool isContiguous(const tile::Kernel& kernel, int operand, char role);

}  // namespace heed::gpu
