#include "heed/compiler/lower/tile/access.h"

namespace heed::tile {

bool rolls(const Access& access, int digit) {
  for (const Rolled& rolled : access.rolled)
    if (!(rolled.weights[digit] == Dim(0))) return true;
  return false;
}

int innermost(const Kernel& kernel, char role) {
  int found = -1;
  for (int digit : kernel.withRole(role))
    if (!(kernel.digits[digit].extent == Dim(1))) found = digit;
  return found;
}

std::optional<Dim> strideAlong(const Kernel& kernel, const Access& access, char role) {
  if (access.strides.empty()) return {};
  std::optional<Dim> stride;  // of the innermost digit
  Dim expected;               // of the next one outwards
  auto digits = kernel.withRole(role);
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    const Dim& extent = kernel.digits[*digit].extent;
    if (extent == Dim(1)) continue;
    if (rolls(access, *digit)) return {};
    const Dim& own = access.strides[*digit];
    if (!stride) stride = own;
    else if (!(own == expected)) return {};
    expected = own * extent;
  }
  return stride ? stride : Dim(0);
}

}  // namespace heed::tile
