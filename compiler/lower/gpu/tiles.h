// A tile of results, shared out to the workgroup's invocations as register tiles. On a GPU each has
// rows and columns in fours, `down` · 4 and `wide` · 4 apart, so that neighbours read neighbouring
// fours; on a CPU, whose lanes read one by one, rows and columns that lie side by side. Where there
// are more invocations than register tiles, teams of them share out the reduction.
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

class Tile {
 public:
  // `wide` invocations along the columns; rows and columns are multiples of what those span.
  Tile(Simt& e, std::int64_t rows, std::int64_t columns, std::int64_t wide, std::int64_t teams = 1);
  std::int64_t height() const { return rows / down; }
  std::int64_t width() const { return columns / wide; }
  Values zeros();
  // sums[r, c] + Σ_k a(row r, k) · b(column c, k) for k in [low, high), which is a multiple of
  // `step`, 1, 2 or 4.
  Values multiply(const Source& a, const Source& b, Value low, Value high, std::int64_t step,
                  ValueRange sums);

  // The same for [0, depth), each operand being read while the one before it is multiplied, so many
  // in a row; those of A that are read together along k are one. Of workgroup memory: what lies
  // behind `depth` is not read.
  Values multiplyAhead(const Source& a, const Source& b, std::int64_t depth, std::int64_t inRow,
                       ValueRange sums);

  // Own rows and columns, counted by a register's row and column.
  Value row(Value r) { return place(r, y(), down, rowsTogether()); }
  Value column(Value c) { return place(c, x(), wide, columnsTogether()); }
  Value row(std::int64_t r) { return row(e.constant(r)); }
  Value column(std::int64_t c) { return column(e.constant(c)); }
  // So many of which lie side by side.
  std::int64_t rowsTogether() const { return together(height()); }
  std::int64_t columnsTogether() const { return together(width()); }
  Value team();

  // The teams' sums through workgroup memory, added up and shared out anew, so that one piece of
  // code serves all of them and neighbours have neighbouring columns. memory: eachWords; ends with
  // a barrier. The body gets row, column and sum.
  std::int64_t eachWords() const;
  void each(ValueRange sums, Value memory,
            llvm::function_ref<void(Value row, Value column, Value sum)> body);

  std::int64_t rows, columns, teams;

 private:
  // Of `count` own lines, `step` deep from k on: [line, step].
  Values gather(const Source& source, llvm::function_ref<Value(std::int64_t)> line,
                std::int64_t count, Value k, std::int64_t step);
  // [step of b's columns, step of a's rows], and what they add.
  Values operands(const Source& a, const Source& b, Value k, std::int64_t step);
  Values addProducts(ValueRange operands, std::int64_t step, ValueRange sums);
  std::int64_t together(std::int64_t own) const;
  Value place(Value own, Value invocation, std::int64_t invocations, std::int64_t together);
  Value x();
  Value y();
  void eachOwn(ValueRange sums, Value memory,
               llvm::function_ref<void(Value row, Value column, Value sum)> body);

  Simt& e;
  std::int64_t wide, down;            // invocations along columns and rows
  std::int64_t blockWide, blockDown;  // of them, so many that run in step
};

// Of a tile along an extent: not much more than there is.
std::int64_t fitting(const Dim& extent, std::int64_t least, std::int64_t most);
// Whether ins[operand]'s elements along the role lie side by side.
bool isContiguous(const tile::Kernel& kernel, int operand, char role);

}  // namespace heed::gpu
