#include "heed/compiler/lower/cpu/attention_mask.h"

#include "heed/compiler/lower/cpu/place.h"

using namespace mlir;

namespace heed::cpu {

Value AttentionMask::valueOf(const tile::IntegerSum& sum) const {
  Value value = e.dim(sum.constant);
  Place place(e, buffers);
  place.set('b', batch);
  for (auto [digit, factor] : llvm::enumerate(sum.digits))
    if (factor) value = e.add(value, e.mul(place.digit(int(digit)), factor));
  for (auto [operand, factor] : sum.elements) {
    Value element = e.loadScalar(buffers[operand], place.address(e.kernel.ins[operand]));
    element = arith::IndexCastOp::create(e.b, e.loc, e.index, element);
    value = e.add(value, e.mul(element, factor));
  }
  return value;
}

tile::KeyRanges AttentionMask::ranges(Value first, Value end) const {
  return tile::keyRanges(e, classes, first, end, keys,
                         [&](const tile::IntegerSum& sum) { return valueOf(sum); });
}

std::optional<tile::Verdict> AttentionMask::judge(Value query, Value rows, Value first,
                                                  Value end) const {
  Place place(e, buffers);
  place.set('b', batch);
  std::vector<tile::Range> digits(e.kernel.digits.size());
  auto spread = [&](char role, tile::Range whole) {
    Values extents;
    for (int digit : e.kernel.withRole(role))
      extents.push_back(e.dim(e.kernel.digits[digit].extent));
    for (auto [digit, range] :
         llvm::zip(e.kernel.withRole(role), tile::digitRanges(e.b, whole, extents)))
      digits[digit] = range;
  };
  tile::Range queryRange{query, e.sub(e.add(query, rows), e.constant(1))},
      keyRange{first, e.sub(end, e.constant(1))};
  spread('i', queryRange);
  spread('j', keyRange);
  for (int digit : e.kernel.withRole('b')) digits[digit] = {place.digit(digit), place.digit(digit)};
  auto digit = [&](int n) { return digits[n]; };
  auto extent = [&](const Dim& dim) { return e.dim(dim); };
  auto elements = [&](int operand) { return elementRange(operand, queryRange, keyRange); };
  return tile::judgeMask(e.kernel, region, {e.b, digit, extent, elements});
}

std::optional<tile::Range> AttentionMask::elementRange(int operand, const tile::Range& queryRange,
                                                      const tile::Range& keyRange) const {
  const tile::Access& access = e.kernel.ins[operand];
  auto varies = [&](char role) { return tile::strideAlong(e.kernel, access, role) != Dim(0); };
  if (varies('i') && varies('j')) return {};
  auto elementAt = [&](std::optional<std::pair<char, Value>> at) {
    Place place(e, buffers);
    place.set('b', batch);
    if (at) place.set(at->first, at->second);
    Value x = e.loadScalar(buffers[operand], place.address(access));
    return Value(arith::IndexCastOp::create(e.b, e.loc, e.index, x));
  };
  if (!varies('i') && !varies('j')) {
    Value x = elementAt({});
    return tile::Range{x, x};
  }
  char role = varies('i') ? 'i' : 'j';
  const tile::Range& along = varies('i') ? queryRange : keyRange;
  Value start = elementAt(std::pair{role, along.low});
  Values ends = e.loop(e.add(along.low, 1), e.add(along.high, 1), 1, {start, start},
                       [&](Value n, ValueRange so) {
                         Value x = elementAt(std::pair{role, n});
                         return Values{e.min(so[0], x), e.max(so[1], x)};
                       });
  return tile::Range{ends[0], ends[1]};
}

}  // namespace heed::cpu
