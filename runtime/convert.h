// Element conversion between what files store and what programs compute with.
#pragma once
#include <cstddef>
#include <span>

#include "heed/runtime/safetensors.h"

namespace heed {

// Floats convert to floats; every other type only to itself.
bool converts(StoredType from, DType to);

// Converts all elements of `in`; `out` has room for as many. Rounds to nearest, ties to even; a
// byte that is not 0 reads as true.
void convert(StoredType from, std::span<const std::byte> in, DType to, std::span<std::byte> out);

}  // namespace heed
