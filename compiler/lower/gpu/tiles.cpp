#include "heed/compiler/lower/gpu/tiles.h"

#include <algorithm>
#include <bit>

#include "heed/compiler/lower/tile/access.h"

using namespace mlir;

namespace heed::gpu {

Tile::Tile(Simt& e, int64_t rows, int64_t columns, int64_t wide, int64_t teams)
    : rows(rows),
      columns(columns),
      teams(teams),
      e(e),
      wide(wide),
      down(e.limits.invocations / teams / wide),
      blockWide(e.limits.staged ? std::min<int64_t>(wide, 8) : wide),
      blockDown(e.limits.staged ? std::min<int64_t>(down, 32 / blockWide) : 1) {}

Values Tile::zeros() {
  Value zero = arith::ConstantOp::create(e.b, e.loc, e.b.getF32FloatAttr(0));
  return Values(size_t(height() * width()), zero);
}

int64_t Tile::together(int64_t own) const {
  if (!e.limits.staged) return own;
  return own % 4 == 0 ? 4 : own % 2 == 0 ? 2 : 1;
}

Value Tile::place(Value own, Value invocation, int64_t invocations, int64_t together) {
  Value group = e.divide(own, together), within = e.remainder(own, e.constant(together));
  return e.add(e.mul(group, together * invocations), e.add(e.mul(invocation, together), within));
}

// Blocks of 8 by 4, which have few lines to read. Of neighbours every two have the same column, and
// every other two the same row, as CUTLASS' RowMajorInterleaved<2> lays lanes out: on an H200 fours
// come faster so (contractions take 0.9 of the time).
Value Tile::x() {
  if (blockDown % 2) return e.remainder(e.invocation, e.constant(wide));
  Value block = e.divide(e.invocation, blockWide * blockDown);
  Value within = e.remainder(e.divide(e.invocation, 2), e.constant(blockWide));
  return e.add(e.mul(e.remainder(block, e.constant(wide / blockWide)), blockWide), within);
}
Value Tile::y() {
  Value y;
  if (blockDown % 2) {
    y = e.divide(e.invocation, wide);
  } else {
    Value block = e.divide(e.invocation, blockWide * blockDown);
    Value lane = e.remainder(e.invocation, e.constant(blockWide * blockDown));
    Value within = e.add(e.remainder(lane, e.constant(2)), e.mul(e.divide(lane, 2 * blockWide), 2));
    y = e.add(e.mul(e.divide(block, wide / blockWide), blockDown), within);
  }
  return teams == 1 ? y : e.remainder(y, e.constant(down));
}
Value Tile::team() { return e.divide(e.invocation, wide * down); }

Values Tile::gather(const Source& source, llvm::function_ref<Value(int64_t)> line, int64_t count,
                    Value k, int64_t step) {
  const int64_t lines = source.reads.way == Reads::along_lines ? source.reads.together : 1,
                depth = source.reads.way == Reads::along_k ? source.reads.together : 1;
  Values all(size_t(count * step));
  for (int64_t l = 0; l < count; l += lines)
    for (int64_t s = 0; s < step; s += depth)
      for (auto [n, x] : llvm::enumerate(source.elements(line(l), e.add(k, s))))
        all[size_t(lines > 1 ? (l + int64_t(n)) * step + s : l * step + s + int64_t(n))] = x;
  return all;
}

Values Tile::operands(const Source& a, const Source& b, Value k, int64_t step) {
  Values all = gather(b, [&](int64_t c) { return column(c); }, width(), k, step);
  all.append(gather(a, [&](int64_t r) { return row(r); }, height(), k, step));
  return all;
}

Values Tile::addProducts(ValueRange operands, int64_t step, ValueRange sums) {
  Values next(sums);
  ValueRange rows = operands.drop_front(size_t(width() * step));
  for (int64_t s = 0; s < step; ++s)
    for (int64_t r = 0; r < height(); ++r)
      for (int64_t c = 0; c < width(); ++c) {
        Value& sum = next[size_t(r * width() + c)];
        sum = e.fma(rows[size_t(r * step + s)], operands[size_t(c * step + s)], sum);
      }
  return next;
}

Values Tile::multiply(const Source& a, const Source& b, Value low, Value high, int64_t step,
                      ValueRange sums) {
  return e.loop(low, high, step, sums, [&](Value k, ValueRange so) {
    return addProducts(operands(a, b, k, step), step, so);
  });
}

Values Tile::multiplyAhead(const Source& a, const Source& b, int64_t depth, int64_t inRow,
                           ValueRange sums) {
  const int64_t step = a.reads.way == Reads::along_k ? a.reads.together : 1;
  Values carried(sums);
  carried.append(operands(a, b, e.constant(0), step));
  Values end =
      e.loop(e.constant(0), e.constant(depth), step * inRow, carried, [&](Value k, ValueRange so) {
        Values next(so.take_front(sums.size())), now(so.drop_front(sums.size()));
        for (int64_t n = 1; n <= inRow; ++n) {
          Value after = e.add(k, n * step);
          if (n == inRow) after = e.min(after, e.constant(depth - step));
          Values coming = operands(a, b, after, step);
          next = addProducts(now, step, next);
          now = coming;
        }
        next.append(now);
        return next;
      });
  end.truncate(sums.size());
  return end;
}

int64_t Tile::eachWords() const {
  if (e.limits.staged) return teams * down * (columns + 1);
  return std::min<int64_t>(height() * width(), 8) * e.limits.invocations;
}

// A row of every invocation at a time. A word more than a row has: invocations one below the other
// meet different banks.
void Tile::each(ValueRange sums, Value memory, llvm::function_ref<void(Value, Value, Value)> body) {
  if (!e.limits.staged) return eachOwn(sums, memory, body);
  const int64_t stride = columns + 1;
  e.loop(0, height(), 1, [&](Value r) {
    Value first = e.mul(e.add(e.mul(team(), down), y()), stride);
    for (int64_t c = 0; c < width(); ++c) {
      Value sum = sums[size_t(c)];
      for (int64_t other = 1; other < height(); ++other)
        sum = e.select(e.equal(r, e.constant(other)), sums[size_t(other * width() + c)], sum);
      e.store(sum, memory, e.add(first, column(c)));
    }
    e.barrier();
    e.share(down * columns, [&](Value n) {
      Value y = e.divide(n, columns), column = e.remainder(n, e.constant(columns));
      Value at = e.add(e.mul(y, stride), column), sum = e.load(memory, at);
      for (int64_t other = 1; other < teams; ++other)
        sum = e.add(sum, e.load(memory, e.add(at, other * down * stride)));
      body(place(r, y, down, rowsTogether()), column, sum);
    });
    e.barrier();
  });
}

// Where every barrier is dear: each invocation its own sums, in words of its own.
void Tile::eachOwn(ValueRange sums, Value memory,
                   llvm::function_ref<void(Value, Value, Value)> body) {
  const int64_t all = int64_t(sums.size()), some = std::min<int64_t>(all, 8);
  auto own = [&](Value slot) { return e.add(e.mul(slot, e.limits.invocations), e.invocation); };
  e.loop(0, all, some, [&](Value first) {
    for (int64_t n = 0; n < some; ++n) {
      Value sum = sums[size_t(n)];
      for (int64_t at = some; at + n < all; at += some)
        sum = e.select(e.equal(first, e.constant(at)), sums[size_t(at + n)], sum);
      e.store(sum, memory, own(e.constant(n)));
    }
    Value end =
        all % some ? e.min(e.sub(e.constant(all), first), e.constant(some)) : e.constant(some);
    e.loop(e.constant(0), end, 1, [&](Value n) {
      Value slot = e.add(first, n), width = e.constant(this->width());
      body(row(e.divide(slot, width)), column(e.remainder(slot, width)), e.load(memory, own(n)));
    });
  });
}

int64_t fitting(const Dim& extent, int64_t least, int64_t most) {
  if (!extent.is_static()) return most;
  return std::clamp(int64_t(std::bit_ceil(uint64_t(extent.constant))), least, most);
}

namespace {

bool isMultiple(const Dim& d, int64_t of) {
  bool all = !d.invalid && d.constant % of == 0;
  for (const Term& term : d.terms) all &= !term.used() || (term.den == 1 && term.num % of == 0);
  return all;
}

// Whether all that an access adds up, but for the role's innermost digit, is a multiple of so many
// elements.
bool alignedAlong(const tile::Kernel& kernel, const tile::Access& access, char role,
                  int64_t together) {
  auto inThose = [&](const Dim& d) { return isMultiple(d, together); };
  const int digit = tile::innermost(kernel, role);
  if (digit < 0 || !(access.strides[size_t(digit)] == Dim(1)) || tile::rolls(access, digit))
    return false;
  if (!inThose(kernel.digits[size_t(digit)].extent) || !inThose(access.offset)) return false;
  for (auto [n, stride] : llvm::enumerate(access.strides))
    if (int(n) != digit && !inThose(stride)) return false;
  return llvm::all_of(access.rolled,
                      [&](const tile::Rolled& rolled) { return inThose(rolled.stride); });
}

// Whether those that differ in the role's innermost digit alone are all inside, or all outside.
bool insideTogether(const tile::Kernel& kernel, const tile::Access& access, char role) {
  if (!access.fill) return true;
  const auto digit = unsigned(tile::innermost(kernel, role));
  for (auto [axis, expression] : llvm::enumerate(access.map.getResults()))
    if (!tile::staysInside(kernel, expression, access.shape.dims[axis]) &&
        expression.isFunctionOfDim(digit))
      return false;
  return true;
}

}  // namespace

Reads readsOf(const Simt& e, int operand, char line, char k) {
  const tile::Kernel& kernel = e.kernel;
  const tile::Access& access = kernel.ins[size_t(operand)];
  const bool gathers = operand == 0 && kernel.op->hasAttr("gather");
  if (!is_float(access.dtype) || gathers || access.strides.empty()) return {};
  auto reads = [&](char role, int64_t together) {
    return alignedAlong(kernel, access, role, together) && insideTogether(kernel, access, role);
  };
  for (int64_t together : {8, 4}) {
    if (together == 8 && !(e.limits.staged && size_of(access.dtype) == 2)) continue;
    if (reads(k, together)) return {Reads::along_k, together};
    if (reads(line, together)) return {Reads::along_lines, together};
  }
  return {};
}

bool isContiguous(const tile::Kernel& kernel, int operand, char role) {
  int digit = tile::innermost(kernel, role);
  return digit >= 0 && kernel.ins[operand].strides[digit] == Dim(1);
}

}  // namespace heed::gpu
