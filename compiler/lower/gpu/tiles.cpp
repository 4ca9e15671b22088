#include "heed/compiler/lower/gpu/tiles.h"

#include <algorithm>
#include <bit>

#include "heed/compiler/lower/tile/access.h"

using namespace mlir;

namespace heed::gpu {

Tile::Tile(Simt& e, int64_t rows, int64_t columns)
    : rows(rows),
      columns(columns),
      e(e),
      wide(std::min(e.limits.across, columns)),
      down(e.limits.invocations / wide) {}

Values Tile::zeros() {
  Value zero = arith::ConstantOp::create(e.b, e.loc, e.b.getF32FloatAttr(0));
  return Values(size_t(height() * width()), zero);
}

Value Tile::row(Value r) {
  Value y = e.divide(e.invocation, wide);
  return e.limits.staged ? e.add(e.mul(r, down), y) : e.add(r, e.mul(y, height()));
}
Value Tile::column(Value c) {
  Value x = e.remainder(e.invocation, e.constant(wide));
  return e.limits.staged ? e.add(e.mul(c, wide), x) : e.add(c, e.mul(x, width()));
}

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

Values Tile::multiply(const Source& a, const Source& b, Value low, Value high, int64_t step,
                      ValueRange sums) {
  return e.loop(low, high, step, sums, [&](Value k, ValueRange so) {
    Values next(so);
    Values columns = gather(b, [&](int64_t c) { return column(c); }, width(), k, step);
    Values rows = gather(a, [&](int64_t r) { return row(r); }, height(), k, step);
    for (int64_t s = 0; s < step; ++s)
      for (int64_t r = 0; r < height(); ++r)
        for (int64_t c = 0; c < width(); ++c) {
          Value& sum = next[size_t(r * width() + c)];
          sum = e.fma(rows[size_t(r * step + s)], columns[size_t(c * step + s)], sum);
        }
    return next;
  });
}

Values Tile::multiply(const Source& a, const Source& b, const Dim& extent, Value memory,
                      int64_t at) {
  if (e.limits.staged) return staged(a, b, extent, memory, at);
  const int64_t step = extent.is_static() && extent.constant % 4 == 0 ? 4 : 1;
  return multiply(a, b, e.constant(0), e.dim(extent), step, zeros());
}

// Zeros beyond the extent.
Values Tile::staged(const Source& a, const Source& b, const Dim& extent, Value memory, int64_t at) {
  const int64_t depth = e.limits.depth;
  return e.loop(e.constant(0), e.dim(extent), depth, zeros(), [&](Value first, ValueRange so) {
    e.barrier();
    auto panel = [&](const Source& source, int64_t start, int64_t lines) {
      auto elements = [&](Value line, Value step) {
        Value k = e.add(first, step);
        Values found = source.elements(
            line,
            e.inside(k, extent, source.reads.way == Reads::along_k ? source.reads.together : 1));
        if (extent.is_static() && extent.constant % depth == 0) return found;
        for (Value& x : found) x = e.select(e.below(k, e.dim(extent)), x, e.constantLike(x, 0));
        return found;
      };
      return fill(e, memory, start, lines, depth, {source.reads, elements, source.kFastest});
    };
    Panel left = panel(a, at, rows), right = panel(b, at + panelSize(rows, depth), columns);
    e.barrier();
    auto fromLeft = [&](Value line, Value k) { return Values{left.element(e, line, k)}; };
    auto fromRight = [&](Value line, Value k) { return Values{right.element(e, line, k)}; };
    return multiply({{}, fromLeft}, {{}, fromRight}, e.constant(0), e.constant(depth), 1, so);
  });
}

void Tile::each(ValueRange sums, Value memory, llvm::function_ref<void(Value, Value, Value)> body) {
  const int64_t all = int64_t(sums.size()), some = together(all);
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

Panel fill(Simt& e, Value memory, int64_t at, int64_t lines, int64_t depth, const Source& source) {
  const int64_t stride = panelStride(lines);
  const int64_t together = source.reads.together;
  const bool kFastest = together > 1 ? source.reads.way == Reads::along_k : source.kFastest;
  e.share(lines * depth / together, [&](Value n) {
    Value fast = e.constant((kFastest ? depth : lines) / together);
    Value major = e.divide(n, fast), minor = e.mul(e.remainder(n, fast), together);
    Value line = kFastest ? major : minor, k = kFastest ? minor : major;
    Value first = e.add(e.add(e.mul(k, stride), line), at);
    for (auto [i, x] : llvm::enumerate(source.elements(line, k)))
      e.store(x, memory, e.add(first, int64_t(i) * (kFastest ? stride : 1)));
  });
  return {memory, at, stride, 1};
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

}  // namespace

Reads readsOf(const Simt& e, int operand, char line, char k) {
  const tile::Kernel& kernel = e.kernel;
  const tile::Access& access = kernel.ins[size_t(operand)];
  const bool gathers = operand == 0 && kernel.op->hasAttr("gather");
  if (!is_float(access.dtype) || access.fill || gathers || access.strides.empty()) return {};
  for (int64_t together : {8, 4}) {
    if (together == 8 && !(e.limits.staged && size_of(access.dtype) == 2)) continue;
    if (alignedAlong(kernel, access, k, together)) return {Reads::along_k, together};
    if (alignedAlong(kernel, access, line, together)) return {Reads::along_lines, together};
  }
  return {};
}

bool isContiguous(const tile::Kernel& kernel, int operand, char role) {
  int digit = tile::innermost(kernel, role);
  return digit >= 0 && kernel.ins[operand].strides[digit] == Dim(1);
}

}  // namespace heed::gpu
