#include "heed/compiler/lower/gpu/tiles.h"

#include <algorithm>

#include "heed/compiler/lower/tile/access.h"

using namespace mlir;

namespace heed::gpu {

constexpr int64_t most_across = 16;

Tile::Tile(Simt& e, int64_t rows, int64_t columns)
    : rows(rows), columns(columns), e(e), wide(std::min(most_across, columns)), down(e.limits.invocations / wide) {
  x = e.remainder(e.invocation, e.constant(wide));
  y = e.divide(e.invocation, wide);
}

Values Tile::zeros() {
  Value zero = arith::ConstantOp::create(e.b, e.loc, e.b.getF32FloatAttr(0));
  return Values(size_t(height() * width()), zero);
}

Value Tile::row(Value r) { return e.add(e.mul(r, down), y); }
Value Tile::column(Value c) { return e.add(e.mul(c, wide), x); }

Values Tile::multiply(const Panel& a, const Panel& b, int64_t depth, ValueRange sums) {
  auto start = [&](const Panel& panel, Value line) {
    Value at = e.add(e.mul(line, panel.stride), panel.at);
    return panel.from ? e.add(at, e.mul(panel.from, panel.kStride)) : at;
  };
  Value firstRow = start(a, y), firstColumn = start(b, x);
  return e.loop(e.constant(0), e.constant(depth), 1, sums, [&](Value k, ValueRange so) {
    Value rowAt = e.add(firstRow, e.mul(k, a.kStride)), columnAt = e.add(firstColumn, e.mul(k, b.kStride));
    Values next(so), column;
    for (int64_t c = 0; c < width(); ++c)
      column.push_back(e.load(b.memory, e.add(columnAt, c * wide * b.stride)));
    for (int64_t r = 0; r < height(); ++r) {
      Value x = e.load(a.memory, e.add(rowAt, r * down * a.stride));
      for (int64_t c = 0; c < width(); ++c) {
        Value& sum = next[size_t(r * width() + c)];
        sum = e.fma(x, column[size_t(c)], sum);
      }
    }
    return next;
  });
}

void Tile::each(ValueRange sums, Value memory, llvm::function_ref<void(Value, Value, Value)> body) {
  auto own = [&](Value slot) { return e.add(e.mul(slot, e.limits.invocations), e.invocation); };
  for (auto [slot, sum] : llvm::enumerate(sums)) e.store(sum, memory, own(e.constant(int64_t(slot))));
  e.loop(0, int64_t(sums.size()), 1, [&](Value slot) {
    Value width = e.constant(this->width());
    body(row(e.divide(slot, width)), column(e.remainder(slot, width)), e.load(memory, own(slot)));
  });
}

Panel fill(Simt& e, Value memory, int64_t at, int64_t lines, int64_t depth, bool kFastest,
           llvm::function_ref<Value(Value, Value)> value) {
  int64_t stride = lines + 1;  // neighbours in different banks, whichever way they come
  e.share(lines * depth, [&](Value n) {
    Value fast = e.constant(kFastest ? depth : lines), major = e.divide(n, fast), minor = e.remainder(n, fast);
    Value line = kFastest ? major : minor, k = kFastest ? minor : major;
    e.store(value(line, k), memory, e.add(e.add(e.mul(k, stride), line), at));
  });
  return {memory, at, stride, 1};
}

bool isContiguous(const tile::Kernel& kernel, int operand, char role) {
  int digit = tile::innermost(kernel, role);
  return digit >= 0 && kernel.ins[operand].strides[digit] == Dim(1);
}

}  // namespace heed::gpu
