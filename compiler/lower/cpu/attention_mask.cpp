#include "heed/compiler/lower/cpu/attention_mask.h"

#include "heed/compiler/lower/cpu/place.h"
#include "heed/compiler/lower/tile/lookup.h"

using namespace mlir;

namespace heed::cpu {

// Beyond every element, and far from what index arithmetic cannot hold.
constexpr int64_t largest = int64_t(1) << 40;
// Elements of a table, for one tile: more than its keys, and little beside its scores.
constexpr int64_t most_looked_at = 1024;

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
  auto found = [&](tile::Lookup lookup, const tile::Range& indices) {
    return foundRange(lookup, indices);
  };
  return tile::judgeMask(e.kernel, region, {e.b, digit, extent, elements, found});
}

bool AttentionMask::varies(const tile::Access& access, char role) const {
  return tile::strideAlong(e.kernel, access, role) != Dim(0);
}

Value AttentionMask::elementAt(int operand, Value address) const {
  Value x = e.loadScalar(buffers[operand], address);
  return arith::IndexCastOp::create(e.b, e.loc, e.index, x);
}

// Of element(n) for n in [first, end); none of them: no number is in it.
static tile::Range rangeOf(Emit& e, Value first, Value end,
                           llvm::function_ref<Value(Value n)> element) {
  Values ends = e.loop(first, end, 1, {e.constant(largest), e.constant(-largest)},
                       [&](Value n, ValueRange so) {
                         Value x = element(n);
                         return Values{e.min(so[0], x), e.max(so[1], x)};
                       });
  return {ends[0], ends[1]};
}

std::optional<tile::Range> AttentionMask::elementRange(int operand, const tile::Range& queryRange,
                                                      const tile::Range& keyRange) const {
  const tile::Access& access = e.kernel.ins[operand];
  if (varies(access, 'i') && varies(access, 'j')) return {};
  Place place(e, buffers);
  place.set('b', batch);
  if (!varies(access, 'i') && !varies(access, 'j')) {
    Value x = elementAt(operand, place.address(access));
    return tile::Range{x, x};
  }
  char role = varies(access, 'i') ? 'i' : 'j';
  const tile::Range& along = role == 'i' ? queryRange : keyRange;
  return rangeOf(e, along.low, e.add(along.high, 1), [&](Value n) {
    Place at = place;
    at.set(role, n);
    return elementAt(operand, at.address(access));
  });
}

std::optional<tile::Range> AttentionMask::foundRange(tile::Lookup lookup,
                                                     const tile::Range& indices) const {
  const tile::Access& access = e.kernel.ins[lookup.operand];
  if (varies(access, 'i') || varies(access, 'j')) return {};
  Place place(e, buffers);
  place.set('b', batch);
  Value start = place.address(access), stride = e.dim(access.layout.strides[lookup.axis]);
  // An index that may be outside decides nothing: it is reported where pairs are looked at.
  Value first = indices.low, end = e.add(indices.high, 1);
  Value extent = e.dim(tile::extentOf(e.kernel, lookup)), known = e.below(e.constant(-1), first);
  for (Value more : {e.below(indices.high, extent),
                     e.below(e.sub(end, first), e.constant(most_looked_at))})
    known = arith::AndIOp::create(e.b, e.loc, known, more);
  tile::Range found = rangeOf(e, first, e.select(known, end, first), [&](Value n) {
    return elementAt(lookup.operand, e.add(start, e.mul(n, stride)));
  });
  return tile::Range{e.select(known, found.low, e.constant(-largest)),
                     e.select(known, found.high, e.constant(largest))};
}

}  // namespace heed::cpu
