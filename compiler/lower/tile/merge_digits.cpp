#include "heed/compiler/lower/tile/merge_digits.h"

using namespace mlir;

namespace heed::tile {
namespace {

template <class Visit>
bool allAccesses(const Kernel& kernel, Visit visit) {
  return llvm::all_of(kernel.ins, visit) && llvm::all_of(kernel.outs, visit);
}

// Digits that regions ask for, and those of accesses that may lie out of bounds.
std::vector<bool> needed(const Kernel& kernel) {
  std::vector<bool> found(kernel.digits.size());
  auto add = [&](AffineMap map) {
    for (size_t n = 0; n < found.size(); ++n)
      if (map.isFunctionOfDim(unsigned(n))) found[n] = true;
  };
  kernel.op->walk([&](ir::CoordinateOp op) { add(op.getMap()); });
  for (const Access& access : kernel.ins)
    if (access.fill) add(access.map);
  return found;
}

// The major digit's weight goes on where the minor one's ends.
bool continues(const std::vector<Dim>& weights, int major, int minor, const Dim& extent) {
  return weights[major] == weights[minor] * extent;
}

bool mergeable(const Kernel& kernel, int major, int minor) {
  const Dim& extent = kernel.digits[minor].extent;
  if ((extent * kernel.digits[major].extent).invalid) return false;
  return allAccesses(kernel, [&](const Access& access) {
    return continues(access.strides, major, minor, extent) &&
           llvm::all_of(access.rolled, [&](const Rolled& rolled) {
             return continues(rolled.weights, major, minor, extent);
           });
  });
}

// No access moves along the digit.
void forget(Kernel& kernel, size_t digit) {
  for (auto* accesses : {&kernel.ins, &kernel.outs})
    for (Access& access : *accesses) {
      if (!access.strides.empty()) access.strides[digit] = Dim(0);
      for (Rolled& rolled : access.rolled) rolled.weights[digit] = Dim(0);
    }
}

void merge(Kernel& kernel, int major, int minor) {
  kernel.digits[minor].extent = kernel.digits[minor].extent * kernel.digits[major].extent;
  kernel.digits[major].extent = Dim(1);
  forget(kernel, size_t(major));
}

}  // namespace

Kernel mergeDigits(const Kernel& given, std::int64_t enough) {
  Kernel kernel = given;
  for (auto [n, digit] : llvm::enumerate(kernel.digits))
    if (digit.extent == Dim(1)) forget(kernel, n);
  const std::vector<bool> fixed = needed(kernel);
  auto free = [&](size_t n) { return !fixed[n] && !(kernel.digits[n].extent == Dim(1)); };
  auto isLong = [&](const Dim& extent) { return extent.is_static() && extent.constant >= enough; };
  for (size_t minor = kernel.digits.size(); minor-- > 0;)
    for (size_t major = kernel.digits.size(); major-- > 0;) {
      const Digit &a = kernel.digits[major], &b = kernel.digits[minor];
      if (major == minor || a.role != b.role || !free(major) || !free(minor) || isLong(b.extent))
        continue;
      if (!mergeable(kernel, int(major), int(minor))) continue;
      merge(kernel, int(major), int(minor));
      major = kernel.digits.size();  // what did not fit before may fit now
    }
  return kernel;
}

}  // namespace heed::tile
