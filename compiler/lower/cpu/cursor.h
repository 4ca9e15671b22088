// A point in the domain of a kernel that streams (map, rows). Digits are set one by one, from the
// outermost loop inwards, and every address is summed up where its digits are set: inner loops only
// add to it. One digit may run along the lanes. A cursor is a value: copy it to go deeper.
#pragma once
#include "heed/compiler/lower/cpu/index_lanes.h"

namespace heed::cpu {

class Cursor {
 public:
  // buffers: one for each of the kernel's ins, then outs. Emits what every address starts with.
  Cursor(Emit& e, ValueRange buffers);

  void set(int digit, Value value);
  // On by a constant along a digit that is set, of which no access wraps.
  void step(int digit, std::int64_t by);
  // Lane l stands at value + l; only lanes of `mask` are touched, all without one.
  void setLanes(int digit, Value value, Value mask = {});
  bool hasLanes() const { return lane_digit >= 0; }
  Value mask() const { return lane_mask; }

  // Operand n as a region sees it: f32, i32 or i1, in lanes where lanes run; what is out of bounds
  // reads the access' fill.
  Value load(int operand);
  void store(int out, Value x);
  // What the region yields here. `leading` is null where it transforms nothing.
  mlir::FailureOr<Values> region(mlir::Region& region, Value leading, int captured);
  // A scalar in all lanes, where lanes run.
  Value spread(Value x);

  // The expression at the digits set so far, which do not run along lanes; the others count as 0.
  Value scalarOf(mlir::AffineExpr expression) const {
    return evaluate(*e, expression, digits).scalar;
  }

  // Operand n as it is stored, and moving the address of buffer n, operands before results, by an
  // index (scalar or i32 lanes) along an axis: what gathers and appends consist of.
  Value loadStored(int operand);
  void advance(size_t n, int axis, Value index);

 private:
  // Where an access stands: address + lanes (i32, may be null) where lanes run.
  struct Address {
    Value at, lanes;
    bool unit = false;         // lanes are 0, 1, …
    Values rolled;             // sums of the rolled groups so far
    std::vector<int> pending;  // digits that a group still waits for
  };

  const tile::Access& access(size_t n) const;
  void begin(size_t n);
  void add(size_t n, int digit, Value value);
  void addLanes(size_t n);
  void finishRolled(Address& address, const tile::Rolled& rolled, size_t group, bool lanes);
  Value wrapped(const tile::Rolled& rolled, Value sum);
  Value valid(const tile::Access& access);
  Value loadLanes(size_t n, Value buffer, Value inside);

  Emit* e;
  Values buffers;
  std::vector<Address> addresses;
  std::vector<LaneIndex> digits;
  int lane_digit = -1;
  Value lane_mask;
};

}  // namespace heed::cpu
