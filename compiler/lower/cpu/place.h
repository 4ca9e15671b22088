// Where in a kernel's domain code runs: each role has a linear index (its digits read as one
// number), and one role may run along the vector lanes. A place turns accesses into loads and
// stores, and regions into code.
#pragma once
#include "heed/compiler/lower/cpu/emit.h"
#include "heed/compiler/lower/cpu/index_lanes.h"
#include "heed/compiler/lower/tile/access.h"
#include "heed/compiler/lower/tile/regions.h"

namespace heed::cpu {

class Place {
 public:
  // buffers: one for each of the kernel's ins, then outs.
  Place(Emit& e, ValueRange buffers);

  // Sets a role's index; the digits it splits into are emitted here. Roles never set count as 0.
  void set(char role, Value linear);
  // Lane l stands at linear + l, `linear` being a multiple of the lanes; only lanes of `mask` are
  // touched.
  void setLanes(char role, Value linear, Value mask = {});

  // The element address, of the first lane where lanes run.
  Value address(const tile::Access& access);
  // A digit's value, without lanes.
  Value digit(int number) const { return digits[number].scalar; }
  // Operand n as region lanes: f32, i1 or i32; what is out of bounds reads the access' fill.
  Value load(int operand);
  void store(int out, Value lanes);  // f32, i1 or i32 lanes, converted to the buffer's dtype
  Value coordinate(mlir::AffineMap map);
  // What becomes of lanes whose lookup is out of bounds; null where none can be.
  using Bad = llvm::function_ref<void(Value lanes)>;
  // The region's results on these lanes; nulls after a diagnostic. Only `live` lanes look up, all
  // without it.
  Values region(mlir::Region& region, ValueRange leading, int captured, Value live = {},
                Bad bad = nullptr);
  // A scalar condition: the access lies within its tensor. Null where it always does. Lanes must
  // not matter.
  Value inBounds(const tile::Access& access);

 private:
  enum class Pattern { uniform, unit, scattered };
  struct Form {
    Value base;
    Pattern pattern;
    Value lanes;  // scattered: i32 offsets
  };

  Form form(const tile::Access& access);
  Value element(tile::Lookup lookup, Value live, Bad bad);
  void addDigits(const tile::Access& access, char role, Form& form);
  void addLanes(Form& form, Value lanes, const Dim& stride);
  void addRolled(const tile::Rolled& rolled, Form& form);
  Value boundsMask(const tile::Access& access);  // i1 lanes

  Emit& e;
  Values buffers;
  std::vector<std::pair<char, Value>> linear;  // roles that were set
  std::vector<LaneIndex> digits;               // both parts null where the role was not set
  char lane_role = 0;
  Value lane_numbers;                          // i32 lanes 0, 1, …
  Value mask;
};

}  // namespace heed::cpu
