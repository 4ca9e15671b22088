#include "heed/compiler/lower/gpu/attention_scores.h"

using namespace mlir;

namespace heed::gpu {

AttentionScores::AttentionScores(const tile::Kernel& kernel, const Target& target, ModuleOp module)
    : kernel(kernel),
      e(kernel, target, module),
      op(cast<ir::AttentionOp>(kernel.op)),
      softmax(e, op),
      mask(tile::classifyMask(kernel, op.getMask())),
      i(kernel.extentOf('i')),
      j(kernel.extentOf('j')),
      tiles(kernel, target.workgroups),
      members(tiles.invocations / tiles.queries) {
  e.limits.invocations = tiles.invocations;
}

void AttentionScores::begin() {
  fours = e.shared(tiles.fours(), e.four());
  partial = e.shared(tiles.invocations);
  perRow = e.shared(tiles.queries);
  statRow = e.divide(e.invocation, members);
  member = e.remainder(e.invocation, e.constant(members));
}

Value AttentionScores::scoresAt(Value row, Value column) {
  return e.add(e.add(e.mul(row, tiles.scoreStride()), e.divide(column, 4)), tiles.scoresAt());
}

Point AttentionScores::pointAt(char role, Value number) {
  Point point(e);
  point.set('b', batch);
  point.set(role, e.inside(number, kernel.extentOf(role)));
  return point;
}

tile::KeyRanges AttentionScores::ranges() {
  Value end = e.min(e.add(firstQuery, tiles.queries), e.dim(i));
  return tile::keyRanges(e, mask, firstQuery, end, e.dim(j), [&](const tile::IntegerSum& sum) {
    Value value = e.dim(sum.constant);
    Point point(e);
    point.set('b', batch);
    for (auto [digit, factor] : llvm::enumerate(sum.digits))
      if (factor) value = e.add(value, e.mul(point.digit(int(digit)), factor));
    for (auto [operand, factor] : sum.elements)
      value = e.add(value, e.mul(e.toIndex(point.load(operand)), factor));
    return value;
  });
}

void AttentionScores::putScores(ValueRange products, Value firstKey, const tile::KeyRanges& range) {
  Tile scores = scoresTile();
  for (int64_t r = 0; r < scores.height(); ++r)
    for (int64_t c = 0; c < scores.width(); c += 4)
      e.store(e.fours(products.slice(size_t(r * scores.width() + c), 4)), fours,
              scoresAt(scores.row(r), scores.column(c)));
  edit(scores, firstKey, range);
  e.barrier();
}

// Every invocation its own scores. Blocks of keys that all exist and that the mask leaves alone
// are not asked.
void AttentionScores::edit(Tile& scores, Value firstKey, const tile::KeyRanges& range) {
  const bool ragged = !(j.is_static() && j.constant % tiles.keys == 0),
             masks = !op.getMask().empty();
  auto all = [&](bool masked, bool ragged) {
    if (!masked && !ragged && !tile::OnlineSoftmax::edits(op)) return;
    const int64_t across = scores.width() / 4;
    e.loop(0, scores.height() * across, 1, [&](Value slot) {
      Value row = scores.row(e.divide(slot, across)),
            column = scores.column(e.mul(e.remainder(slot, e.constant(across)), 4));
      Value at = scoresAt(row, column);
      Values edited = e.parts(e.load(fours, at));
      for (auto [n, x] : llvm::enumerate(edited)) {
        Value key = e.add(firstKey, e.add(column, int64_t(n)));
        Point point = pointAt('i', e.add(firstQuery, row));
        point.set('j', e.inside(key, j));
        auto region = [&](Region& region, Value leading, Value live) {
          return point.region(region, leading, tile::attention_captured, live)[0];
        };
        Value valid = ragged ? e.below(key, e.dim(j)) : Value();
        x = softmax.score(x, masked, valid, region);
      }
      e.store(e.fours(edited), fours, at);
    });
  };
  const bool undecided = masks && !mask.complete;
  if (undecided || (!masks && !ragged)) return all(masks, ragged);
  Value whole = e.compare(arith::CmpIPredicate::sle, e.add(firstKey, tiles.keys), range.fullHigh);
  if (masks)
    whole = arith::AndIOp::create(
        e.b, e.loc, e.compare(arith::CmpIPredicate::sle, range.fullLow, firstKey), whole);
  auto part = [&](bool asked) {
    all(asked && masks, asked && ragged);
    return Values{};
  };
  e.choose(whole, TypeRange{}, [&] { return part(false); }, [&] { return part(true); });
}

Values AttentionScores::weigh(Tile& sums, ValueRange so) {
  Value before = so[0], total = so[1];
  Value dead = e.constantLike(total, tile::OnlineSoftmax::dead);
  auto larger = [&](Value x, Value y) { return e.max(x, y); };
  Value own = overOwn({dead}, [&](Value at, Value, ValueRange so) {
    Values four = e.parts(e.load(fours, at));
    return Values{larger(so[0], larger(larger(four[0], four[1]), larger(four[2], four[3])))};
  })[0];
  Value largest = e.max(softmax.largest(together(own, dead, larger)), before);
  Value shrink = softmax.shrink(before, largest), offset = e.neg(largest);
  total = overOwn({e.mul(total, shrink)}, [&](Value at, Value, ValueRange so) {
    Values four = e.parts(e.load(fours, at));
    for (Value& x : four) x = softmax.weight(x, offset);
    e.store(e.fours(four), fours, at);
    Value sum = e.add(e.add(four[0], four[1]), e.add(four[2], four[3]));
    return Values{e.add(so[0], sum)};
  })[0];
  keep(shrink);
  e.barrier();
  Values next{largest, total};
  for (int64_t r = 0; r < sums.height(); ++r) {
    Value factor = e.load(perRow, sums.row(r));
    for (Value sum : so.slice(size_t(2 + r * sums.width()), size_t(sums.width())))
      next.push_back(e.mul(sum, factor));
  }
  return next;
}

Values AttentionScores::overOwn(
    ValueRange carried, llvm::function_ref<Values(Value at, Value column, ValueRange)> body) {
  const int64_t turns = tiles.keys / 4 / members;
  return e.loop(e.constant(0), e.constant(turns), 1, carried, [&](Value turn, ValueRange so) {
    Value column = e.mul(e.add(e.mul(turn, members), member), 4);
    return body(scoresAt(statRow, column), column, so);
  });
}
Value AttentionScores::together(Value own, Value neutral,
                                llvm::function_ref<Value(Value, Value)> combine) {
  e.store(own, partial, e.invocation);
  e.barrier();
  Value start = e.mul(statRow, members), all = neutral;
  for (int64_t n = 0; n < members; ++n) all = combine(all, e.load(partial, e.add(start, n)));
  return all;
}
void AttentionScores::keep(Value x) {
  e.when(e.equal(member, e.constant(0)), [&] { e.store(x, perRow, statRow); });
}

}  // namespace heed::gpu
