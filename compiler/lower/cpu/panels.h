// Panels: the layout in which matrix kernels read their right operand, [panel][depth][width], zero-padded columns.
#pragma once
#include "heed/compiler/lower/cpu/emit.h"

namespace heed::cpu {

// An operand of a kernel as a matrix depth x columns for each index of role 'b'.
struct PanelSource {
  int operand;
  char column, depth;  // roles: n and k of a contraction, j and e of attention's keys
};

// Writes the columns from `first` on of one panel of `width` columns to destination[at...], `stride` for one depth.
void packPanel(Emit& e, const PanelSource& source, ValueRange buffers, Value batch, Value first, std::int64_t width,
               Value destination, Value at, Value stride);

}  // namespace heed::cpu
