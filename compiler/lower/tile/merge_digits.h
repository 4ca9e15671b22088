// Fewer, longer digits: neighbours that every operand walks through as one become one.
#pragma once
#include "heed/compiler/lower/tile/kernel.h"

namespace heed::tile {

// Digit numbers stay: the minor digit of a pair takes both extents, the major one's becomes 1. No
// access moves along digits of extent 1. A digit whose own value matters, in a region or for a
// bounds check, is left alone. A static minor digit of `enough` or more is long enough.
Kernel mergeDigits(const Kernel& kernel, std::int64_t enough);

}  // namespace heed::tile
