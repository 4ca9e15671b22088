// What is known, when compiling, of the indices at which scores and masks look into a table.
#pragma once
#include "heed/compiler/lower/tile/regions.h"

namespace heed::tile {

// Of the table's axis.
Dim extentOf(const Kernel& kernel, Lookup lookup);

// Whether no index is outside of [0, extent), whatever the digits are and as far as that can be
// seen.
bool staysInside(const Kernel& kernel, Lookup lookup);

// Whether some lookup of the kernel must be checked when it runs.
bool checksLookups(const Kernel& kernel);

}  // namespace heed::tile
