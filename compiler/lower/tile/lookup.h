// What is known, when compiling, of the indices at which a score region looks into a table.
#pragma once
#include "heed/compiler/lower/tile/kernel.h"

namespace heed::tile {

// The extent of the axis along which the operand is looked up.
Dim lookupExtent(const Kernel& kernel, ir::LookupOp op, int operand);

// Whether no index is outside of [0, extent), whatever the digits are and as far as that can be
// seen.
bool staysInside(const Kernel& kernel, ir::LookupOp op, const Dim& extent);

// Whether some lookup of the kernel must be checked when it runs.
bool checksLookups(const Kernel& kernel);

}  // namespace heed::tile
