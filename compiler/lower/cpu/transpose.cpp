#include "heed/compiler/lower/cpu/transpose.h"

using namespace mlir;

namespace heed::cpu {

namespace {

Value concatenate(Emit& e, llvm::ArrayRef<Value> parts) {
  if (parts.size() == 1) return parts.front();
  size_t half = parts.size() / 2;
  Value low = concatenate(e, parts.take_front(half)), high = concatenate(e, parts.drop_front(half));
  llvm::SmallVector<int64_t> lanes;
  for (int64_t lane = 0; lane < 2 * cast<VectorType>(low.getType()).getDimSize(0); ++lane)
    lanes.push_back(lane);
  return e.shuffle(low, high, lanes);
}

}  // namespace

Value withinQuarters(Emit& e, Value x, Value y, std::array<int, 4> pick) {
  int quarters = e.lanes() / 4;
  llvm::SmallVector<int64_t> lanes;
  for (int q = 0; q < quarters; ++q)
    for (int p : pick) lanes.push_back(p < 4 ? 4 * q + p : e.lanes() + 4 * q + p - 4);
  return e.shuffle(x, y, lanes);
}

Value sumsOfFour(Emit& e, const std::array<Value, 4>& x) {
  auto pairs = [&](Value x, Value y) {  // of elements two apart: x y x y
    return e.add(withinQuarters(e, x, y, {0, 4, 1, 5}), withinQuarters(e, x, y, {2, 6, 3, 7}));
  };
  Value low = pairs(x[0], x[1]), high = pairs(x[2], x[3]);
  Value sums = e.add(withinQuarters(e, low, high, {0, 1, 4, 5}),
                     withinQuarters(e, low, high, {2, 3, 6, 7}));
  for (int apart = e.lanes() / 2; apart >= 4; apart /= 2) {
    llvm::SmallVector<int64_t> lanes;
    for (int lane = 0; lane < e.lanes(); ++lane) lanes.push_back((lane + apart) % e.lanes());
    sums = e.add(sums, e.shuffle(sums, sums, lanes));
  }
  return sums;
}

// Row 4q+r goes to quarter q of z[r] by 128-bit loads, then every quarter is a 4x4 transposition.
// General shuffles of whole vectors would be three times as many instructions, with spills.
std::array<Value, 4> fourColumns(Emit& e, Value source, ArrayRef<Value> rows, Value column) {
  auto four = VectorType::get({4}, e.f32);
  std::array<Value, 4> z;
  for (int r = 0; r < 4; ++r) {
    Values parts;
    for (int q = 0; q < e.lanes() / 4; ++q)
      parts.push_back(e.load(four, source, e.add(rows[4 * q + r], column)));
    z[r] = concatenate(e, parts);
  }
  Value a0 = withinQuarters(e, z[0], z[1], {0, 4, 1, 5}),
        a1 = withinQuarters(e, z[0], z[1], {2, 6, 3, 7});
  Value b0 = withinQuarters(e, z[2], z[3], {0, 4, 1, 5}),
        b1 = withinQuarters(e, z[2], z[3], {2, 6, 3, 7});
  return {withinQuarters(e, a0, b0, {0, 1, 4, 5}), withinQuarters(e, a0, b0, {2, 3, 6, 7}),
          withinQuarters(e, a1, b1, {0, 1, 4, 5}), withinQuarters(e, a1, b1, {2, 3, 6, 7})};
}

}  // namespace heed::cpu
