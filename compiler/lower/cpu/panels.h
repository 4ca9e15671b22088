// Panels: the layout in which matrix kernels read their right operand, [panel][depth][width],
// zero-padded columns.
#pragma once
#include "heed/compiler/lower/cpu/emit.h"

namespace heed::cpu {

// Most rows of sums in registers, beside a row of so many vectors of the right operand and what
// the left one's elements are broadcast to.
int tileRows(const Target& target, int vectors);

// Rows in as few parts of at most `most` as do, as equal as can be: (first row, rows).
using Parts = llvm::SmallVector<std::pair<std::int64_t, std::int64_t>>;
Parts equalParts(std::int64_t rows, std::int64_t most);

// An operand of a kernel as a matrix depth x columns for each index of role 'b'.
struct PanelSource {
  int operand;
  char column, depth;  // roles: n and k of a contraction, j and e of attention's keys
  bool deep = false;   // the depth is at least 4, though it is an argument
  Value part = {};     // where role 'p' stands
  Value end = {};      // nobody looks at columns from here on; without it zeros follow the last one
  bool near = false;   // somebody fetched it
};

// Writes the columns from `first` on of one panel of `width` columns to destination[at...],
// `stride` for one depth.
void packPanel(Emit& e, const PanelSource& source, ValueRange buffers, Value batch, Value first,
               std::int64_t width, Value destination, Value at, Value stride);

// An operand of a kernel as rows of elements.
struct RowSource {
  int operand;
  char row, along;  // roles
};

// Writes `count` rows from `first` on, each through `prologue` (which may be null) with operands
// captured from `captured` on, to destination[at...], `stride` apart. A row's last vector is
// written whole: the stride has room for it, or the next row overwrites the excess and there is
// slack behind the last one.
mlir::LogicalResult packRows(Emit& e, const RowSource& source, ValueRange buffers, Value batch,
                             Value first, Value count, Value destination, Value at, Value stride,
                             mlir::Region* prologue, int captured);

}  // namespace heed::cpu
