// How an access moves along a role of the domain, and along the vector lanes that run there.
#pragma once
#include "heed/compiler/lower/tile/kernel.h"

namespace heed::tile {

// The access as a function of the role's digits read as one number: its stride, where that is
// linear.
std::optional<Dim> strideAlong(const Kernel& kernel, const Access& access, char role);

// The role's innermost digit of extent other than 1, or -1.
int innermost(const Kernel& kernel, char role);

// Whether no value of the digits takes a coordinate out of [0, extent), as far as that can be seen.
bool staysInside(const Kernel& kernel, mlir::AffineExpr coordinate, const Dim& extent);

// The sum of all operands' and results' bytes.
Dim bytesOf(const Kernel& kernel);

// Some rolled group of the access contains the digit.
bool rolls(const Access& access, int digit);

}  // namespace heed::tile
