#include "heed/compiler/lower/cpu/row_runs.h"

#include "heed/compiler/lower/cpu/place.h"
#include "heed/compiler/lower/tile/regions.h"
#include "mlir/Analysis/FlatLinearValueConstraints.h"

using namespace mlir;

namespace heed::cpu {

namespace {

constexpr int64_t least_run = 7;  // shorter ones spend their time between runs

// An axis that windows slide along; its other axes must not move with the window.
std::optional<PaddedLines::Axis> slidingAxis(const tile::Kernel& kernel, const tile::Access& access,
                                             int axis) {
  SmallVector<int64_t> terms;  // of digits, symbols, the constant
  unsigned digits = unsigned(kernel.digits.size()), symbols = unsigned(kernel.symbols.size());
  if (failed(getFlattenedAffineExpr(access.map.getResult(unsigned(axis)), digits, symbols, &terms)))
    return {};
  if (terms.size() != digits + symbols + 1) return {};
  PaddedLines::Axis found;
  int64_t dilation = 0;
  for (auto [n, term] : llvm::enumerate(ArrayRef(terms).drop_back())) {
    if (term == 0) continue;
    if (n >= digits || term < 0) return {};
    const tile::Digit& digit = kernel.digits[n];
    int& place = digit.role == 'm' ? found.output : found.tap;
    if ((digit.role != 'm' && digit.role != 'k') || place >= 0) return {};
    place = int(n);
    (digit.role == 'm' ? found.stride : dilation) = term;
  }
  if (found.output < 0 || found.tap < 0 || terms.back() > 0 ||
      !kernel.digits[found.tap].extent.is_static())
    return {};
  found.axis = axis;
  found.padding = -terms.back();
  found.reach = (kernel.digits[found.tap].extent.constant - 1) * dilation + 1;
  found.size = access.shape.dims[axis];
  found.outputs = kernel.digits[found.output].extent;
  if (found.reach < found.stride) return {};  // lines that nobody reads
  return found;
}

std::vector<int> largerDigits(const tile::Kernel& kernel, char role) {
  std::vector<int> digits = kernel.withRole(role);
  llvm::erase_if(digits, [&](int digit) { return kernel.digits[digit].extent == Dim(1); });
  return digits;
}

std::optional<PaddedLines> paddedLinesOf(const tile::Kernel& kernel, const tile::Access& access) {
  std::vector<PaddedLines::Axis> sliding;
  for (int axis = 0; axis < access.shape.rank; ++axis) {
    if (auto found = slidingAxis(kernel, access, axis)) sliding.push_back(*found);
    else if (!tile::staysInside(kernel, access.map.getResult(unsigned(axis)),
                                access.shape.dims[axis]))
      return {};
  }
  std::vector<int> rows = kernel.withRole('m'), taps = largerDigits(kernel, 'k');
  if (sliding.size() != 2 || rows.size() < 2 || taps.size() < 2 || taps.size() > 3) return {};
  PaddedLines padded;
  padded.y = sliding[0];
  padded.x = sliding[1];
  if (rows[rows.size() - 2] != padded.y.output || rows.back() != padded.x.output) return {};
  bool last = taps[0] == padded.y.tap;
  if (taps[last ? 0 : taps.size() - 2] != padded.y.tap ||
      taps[last ? 1 : taps.size() - 1] != padded.x.tap)
    return {};
  const Dim& column = access.layout.strides[padded.x.axis];
  if (taps.size() == 3) {
    padded.channel = last ? taps[2] : taps[0];
    (last ? padded.unit : padded.planes) = kernel.digits[padded.channel].extent.constant;
  }
  bool contiguous =
      column == Dim(padded.unit) && (padded.unit == 1 || access.strides[padded.channel] == Dim(1));
  if (!contiguous || padded.elements(1).invalid) return {};
  return padded;
}

// The role's digits where it stands at `index`, times their strides.
Value addressOf(Emit& e, ArrayRef<int> digits, const std::vector<Dim>& strides, Value index) {
  Value sum = e.constant(0);
  for (size_t n = digits.size(); n-- > 0;) {
    Value extent = e.dim(e.kernel.digits[digits[n]].extent);
    sum = e.add(sum, e.mul(n ? e.remainder(index, extent) : index, e.dim(strides[digits[n]])));
    if (n) index = e.divide(index, extent);
  }
  return sum;
}

class LinesEmitter {
 public:
  LinesEmitter(Emit& e, const PaddedLines& padded, ValueRange buffers, Value batch, Value first,
               Value count, Value lines)
      : e(e),
        padded(padded),
        access(e.kernel.ins[0]),
        source(buffers[0]),
        batch(batch),
        lines(lines) {
    low = lineOf(first);
    held = e.add(e.sub(lineOf(e.sub(e.add(first, count), e.constant(1))), low), padded.y.reach);
  }

  Value planeStride() { return e.mul(held, e.dim(padded.lineElements())); }
  // Of row `row` in the lines.
  Value address(Value row) {
    Value column = e.mul(e.remainder(row, e.dim(padded.x.outputs)), padded.x.stride * padded.unit);
    return e.add(e.mul(e.sub(lineOf(row), low), e.dim(padded.lineElements())), column);
  }

  // In ascending order: what is written in whole vectors spoils the beginning of what comes next.
  void copy() {
    std::vector<int> images = e.kernel.withRole('m');
    images.resize(images.size() - 2);
    Value start =
        e.add(e.dim(access.offset), addressOf(e, e.kernel.withRole('b'), access.strides, batch));
    start = e.add(start, e.mul(e.dim(columnStride()), padded.x.padding));
    e.loop(e.constant(0), e.constant(padded.planes), 1, [&](Value plane) {
      Value ofPlane = padded.planes == 1
                          ? start
                          : e.add(start, e.mul(plane, e.dim(access.strides[padded.channel])));
      e.loop(e.constant(0), held, 1, [&](Value n) {
        Value line = e.add(low, n), extent = e.dim(padded.lines());
        Value y = e.remainder(line, extent), inside = e.sub(y, e.constant(padded.y.padding));
        Value from = e.add(ofPlane, addressOf(e, images, access.strides, e.divide(line, extent)));
        from = e.add(from, e.mul(y, e.dim(access.layout.strides[padded.y.axis])));
        Value to = e.add(e.mul(plane, planeStride()), e.mul(n, e.dim(padded.lineElements())));
        Value exists = e.compare(arith::CmpIPredicate::ult, inside, e.dim(padded.y.size));
        e.choose(exists, TypeRange{}, [&] { return copyLine(from, to); },
                 [&] { return fill(to, e.dim(padded.lineElements())); });
      });
    });
  }

 private:
  Emit& e;
  const PaddedLines& padded;
  const tile::Access& access;
  Value source, batch, lines, low, held;  // lines [low, low + held) of all images one after another

  const Dim& columnStride() const { return access.layout.strides[padded.x.axis]; }
  // The first line of a row's window.
  Value lineOf(Value row) {
    Value line = e.divide(row, e.dim(padded.x.outputs)), outputs = e.dim(padded.y.outputs);
    return e.add(e.mul(e.divide(line, outputs), e.dim(padded.lines())),
                 e.mul(e.remainder(line, outputs), padded.y.stride));
  }

  Values fill(Value to, Value count) {
    e.loop(e.constant(0), count, e.lanes(),
           [&](Value n) { e.store(e.splat(float(*access.fill)), lines, e.add(to, n)); });
    return {};
  }
  Values copyLine(Value from, Value to) {
    Value before = e.constant(padded.x.padding * padded.unit), all = e.dim(padded.lineElements());
    Value count = e.min(e.mul(e.dim(padded.x.size), padded.unit), e.sub(all, before)),
          whole = e.roundDown(count, e.lanes());
    fill(to, before);
    Value image = e.add(to, before);
    auto vectorAt = [&](Value n, Value mask) {
      e.store(e.load(source, e.add(from, n), mask), lines, e.add(image, n));
    };
    e.loop(e.constant(0), whole, e.lanes(), [&](Value n) { vectorAt(n, {}); });
    if (constantOf(e.sub(count, whole)) != 0)
      e.when(e.below(whole, count), [&] { vectorAt(whole, e.lanesBelow(e.sub(count, whole))); });
    return fill(e.add(image, count), e.sub(e.sub(all, before), count));
  }
};

}  // namespace

// n rows touch n / outputs + 2 lines of output at most, each stride lines further, and begin n /
// (outputs of an image)
// + 1 images, each with so many more lines as its windows overlap.
Dim PaddedLines::elements(std::int64_t rows) const {
  int64_t across = std::max<int64_t>(1, lower_bound(x.outputs)),
          down = std::max<int64_t>(1, lower_bound(y.outputs));
  auto parts = [](int64_t n, int64_t of) { return (n + of - 1) / of; };
  // columns() = stride · outputs + rest
  int64_t rest = x.reach - x.stride, overlap = y.reach - y.stride;
  Dim ofOutputs = Dim(y.stride) * (Dim(x.stride) * (Dim(rows) + Dim(2) * x.outputs) +
                                   Dim((parts(rows, across) + 2) * rest));
  Dim ofImages =
      Dim(overlap) *
      (Dim(x.stride * parts(rows, down) + parts(rows, across * down) * rest) + columns());
  return (ofOutputs + ofImages + Dim(y.reach) * columns()) * Dim(unit * planes);
}

std::int64_t RowRuns::count() const {
  int64_t count = 1;
  for (const Digit& digit : outside) count *= digit.extent;
  return count;
}

std::optional<RowRuns> rowRunsOf(const tile::Kernel& kernel) {
  const tile::Access& access = kernel.ins[0];
  if (access.dtype != DType::f32 || !access.rolled.empty() ||
      !tile::isIdentity(kernel.op->getRegion(0)))
    return {};
  RowRuns runs;
  if (access.fill && !(runs.padded = paddedLinesOf(kernel, access))) return {};
  std::vector<int> digits = largerDigits(kernel, 'k');
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    const Dim& extent = kernel.digits[*digit].extent;
    if (!extent.is_static()) return {};
    Dim stride = access.strides[*digit];
    bool plane = false;
    if (const auto& padded = runs.padded) {
      auto dilation = [&](const PaddedLines::Axis& axis) {
        return Dim((axis.reach - 1) / (extent.constant - 1));
      };
      plane = *digit == padded->channel && padded->planes > 1;
      if (*digit == padded->x.tap) stride = dilation(padded->x) * Dim(padded->unit);
      if (*digit == padded->y.tap) stride = dilation(padded->y) * padded->lineElements();
    }
    if (runs.outside.empty() && !plane && stride == Dim(runs.length))
      runs.length *= extent.constant;
    else runs.outside.insert(runs.outside.begin(), {extent.constant, stride, plane});
  }
  if (runs.length < least_run) return {};
  return runs;
}

void emitRowRuns(Emit& e, const RowRuns& runs, ValueRange buffers, Value batch, Value first,
                 Value count, Value lines, Value offsets, std::int64_t runsAt) {
  std::optional<LinesEmitter> image;
  if (runs.padded) image.emplace(e, *runs.padded, buffers, batch, first, count, lines);
  e.loop(e.constant(0), count, 1, [&](Value n) {
    Value row = e.add(first, n);
    if (image) return e.storeScalar(image->address(row), offsets, n);
    Place place(e, buffers);
    place.set('b', batch);
    place.set('m', row);
    e.storeScalar(place.address(e.kernel.ins[0]), offsets, n);
  });
  e.loop(e.constant(0), e.constant(runs.count()), 1, [&](Value run) {
    Value rest = run, sum = e.constant(0);
    for (const RowRuns::Digit& digit : llvm::reverse(runs.outside)) {
      Value extent = e.constant(digit.extent),
            stride = digit.plane ? image->planeStride() : e.dim(digit.stride);
      sum = e.add(sum, e.mul(e.remainder(rest, extent), stride));
      rest = e.divide(rest, extent);
    }
    e.storeScalar(sum, offsets, e.add(run, runsAt));
  });
  if (image) image->copy();
}

}  // namespace heed::cpu
