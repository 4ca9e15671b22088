#include "heed/compiler/lower/cpu/row_windows.h"

#include <algorithm>
#include <functional>

#include "mlir/Analysis/FlatLinearValueConstraints.h"

using namespace mlir;

namespace heed::cpu {
namespace {

constexpr int64_t most_taps = 8, most_outputs = 8, usual_outputs = 6, least_outputs = 3;
constexpr int64_t most_edges = 3;  // blocks with code of their own

// stride · output - padding, where that is all `from` is.
bool slidesAlong(const tile::Kernel& kernel, AffineExpr from, RowWindows& windows) {
  SmallVector<int64_t> terms;  // of digits, symbols, the constant
  const size_t digits = kernel.digits.size(), symbols = kernel.symbols.size();
  if (failed(getFlattenedAffineExpr(from, unsigned(digits), unsigned(symbols), &terms)) ||
      terms.size() != digits + symbols + 1)
    return false;
  for (auto [n, term] : llvm::enumerate(ArrayRef(terms).drop_back()))
    if (term != 0 && int(n) != windows.output) return false;
  windows.stride = terms[size_t(windows.output)];
  windows.padding = -terms.back();
  return windows.stride > 0;
}

// The most that divides the outputs, so that none are left over.
int64_t blockOf(int64_t outputs) {
  for (int64_t block = most_outputs; block >= least_outputs; --block)
    if (outputs % block == 0) return block;
  return std::min(usual_outputs, outputs);
}

// Blocks [first, last), whole ones of which no tap lies outside.
std::pair<int64_t, int64_t> innerBlocks(const RowWindows& w) {
  const int64_t whole = w.outputs / w.block;
  int64_t first = 0, last = whole;
  while (first < whole && !w.insideAll(first * w.block)) ++first;
  while (last > first && !w.insideAll(last * w.block - 1)) --last;
  return {first, last};
}

int64_t blocksOf(const RowWindows& w) { return (w.outputs + w.block - 1) / w.block; }

}  // namespace

std::optional<RowWindows> rowWindowsOf(const tile::Kernel& kernel, ArrayRef<int> order,
                                       const RowLoops& loops) {
  if (order.size() < 3 || loops.digits.empty() || loops.along_k) return {};
  RowWindows windows;
  windows.output = order[order.size() - 2];
  windows.tap = loops.digits.back();
  auto staticExtent = [&](int digit) {
    const Dim& extent = kernel.digits[digit].extent;
    return extent.is_static() ? extent.constant : 0;
  };
  windows.outputs = staticExtent(windows.output);
  windows.taps = staticExtent(windows.tap);
  if (windows.outputs < least_outputs || windows.taps < 1 || windows.taps > most_taps) return {};
  for (const auto* accesses : {&kernel.ins, &kernel.outs})
    for (const tile::Access& access : *accesses)
      if (access.fill || !access.rolled.empty() || access.strides.empty()) return {};
  const Dim &ofOutput = kernel.ins[0].strides[windows.output],
            &ofTap = kernel.ins[0].strides[windows.tap];
  // Where neighbours share less than half of what they read, it comes from more places at a time
  // than the machine fetches ahead of.
  if (!ofOutput.is_static() || !ofTap.is_static() || ofOutput.constant < 1 ||
      2 * ofOutput.constant > ofTap.constant * windows.taps)
    return {};
  windows.outputStep = ofOutput.constant;
  windows.tapStep = ofTap.constant;
  for (auto [n, clip] : llvm::enumerate(loops.clips)) {
    if (!clip) continue;
    if (int(n) != windows.tap) {
      if (clip->from.isFunctionOfDim(unsigned(windows.output))) return {};
      continue;
    }
    if (!clip->extent.is_static() || !slidesAlong(kernel, clip->from, windows)) return {};
    windows.size = clip->extent.constant;
  }
  windows.block = blockOf(windows.outputs);
  auto [first, last] = innerBlocks(windows);
  if (first + blocksOf(windows) - last > most_edges) return {};
  return windows;
}

void forEachBlock(Emit& e, const RowWindows& windows, const Cursor& at,
                  llvm::function_ref<void(const Cursor&, const OutputBlock&)> body) {
  auto blockAt = [&](Value first, const OutputBlock& block) {
    Cursor inner = at;
    inner.set(windows.output, first);
    body(inner, block);
  };
  auto edges = [&](int64_t low, int64_t high) {
    for (int64_t n = low; n < high; ++n) {
      const int64_t first = n * windows.block;
      blockAt(e.constant(first), {first, std::min(windows.block, windows.outputs - first)});
    }
  };
  auto [first, last] = innerBlocks(windows);
  edges(0, first);
  if (first < last)
    e.loop(e.constant(first * windows.block), e.constant(last * windows.block), windows.block,
           [&](Value output) { blockAt(output, {{}, windows.block}); });
  edges(last, blocksOf(windows));
}

Values foldBlock(const RowLoops& loops, const RowWindows& windows, const Cursor& at,
                 const OutputBlock& block, Fold kind, Type element,
                 llvm::function_ref<Value(Cursor&)> value) {
  Emit& e = loops.e;
  // Ascending in memory, so that what neighbours share is at hand when the next one needs it.
  std::vector<std::pair<int64_t, int64_t>> steps;  // output, tap
  for (int64_t output = 0; output < block.count; ++output)
    for (int64_t tap = 0; tap < windows.taps; ++tap)
      if (!block.first || windows.inside(*block.first + output, tap))
        steps.push_back({output, tap});
  std::ranges::stable_sort(steps, {}, [&](const auto& step) {
    return step.first * windows.outputStep + step.second * windows.tapStep;
  });
  std::function<Values(const Cursor&, size_t, ValueRange)> fold =
      [&](const Cursor& from, size_t level, ValueRange carried) {
        Values sums(carried);
        if (level + 1 == loops.digits.size()) {
          for (auto [output, tap] : steps) {
            Cursor c = from;
            c.step(windows.output, output);
            c.set(windows.tap, e.constant(tap));
            sums[size_t(output)] = combine(e, kind, sums[size_t(output)], value(c));
          }
          return sums;
        }
        auto [low, high] = loops.rangeOf(from, level);
        return e.loop(low, high, 1, sums, [&, level](Value k, ValueRange inner) {
          Cursor deeper = from;
          deeper.set(loops.digits[level], k);
          return fold(deeper, level + 1, inner);
        });
      };
  Value neutral = neutralOf(e, kind, element);
  if (at.hasLanes()) neutral = e.broadcast(neutral);
  return fold(at, 0, Values(size_t(block.count), neutral));
}

}  // namespace heed::cpu
