// Where in a kernel's domain an invocation stands: each role has a linear index, its digits read as
// one number. A point turns accesses into loads and stores, and regions into code.
#pragma once
#include "heed/compiler/lower/gpu/simt.h"
#include "heed/compiler/lower/tile/regions.h"

namespace heed::gpu {

class Point {
 public:
  explicit Point(Simt& e) : e(e), digits(e.kernel.digits.size()) {}

  // Roles never set count as 0.
  void set(char role, Value number);
  // The role's digits fastest last from one number, the roles being major to minor.
  void setAll(llvm::StringRef roles, Value number);
  Value digit(int number) { return digits[number] ? digits[number] : e.constant(0); }

  Value address(const tile::Access& access);
  // Operand n as a region has it: f32, i1 or i32. Out of bounds is its fill. With `gather`, ins[0]
  // is read at ins[1] along its first axis.
  Value load(int operand);
  Values loads(int operand);  // the element, with those behind it that are read together with it
  void store(int out, Value x);  // with `append`, at ins[1] along the third axis
  Value coordinate(mlir::AffineExpr expression);
  // What the region yields; nulls after a diagnostic, which e.ok tells.
  // Lookups out of bounds fail the run where `live`, always without it.
  Values region(mlir::Region& region, Value leading, int captured, Value live = {});

 private:
  void storeAt(int out, Value at, Value x);
  Value element(tile::Lookup lookup, Value live);
  Value indexBelow(Value limit, Value& valid);
  Value within(const tile::Access& access);  // null where it always is
  Value fromStorage(Value buffer, Value at, DType dtype);
  Value fromStored(Value x, DType dtype);  // one that fills its place in the buffer

  Simt& e;
  std::vector<std::pair<char, Value>> numbers;
  Values digits;  // null where the role was not set
};

}  // namespace heed::gpu
