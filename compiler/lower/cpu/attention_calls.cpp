#include "heed/compiler/lower/cpu/attention_calls.h"

#include "heed/compiler/lower/cpu/place.h"
#include "heed/runtime/abi/kernel.h"

using namespace mlir;

namespace heed::cpu {

AttentionCalls::AttentionCalls(const tile::Kernel& kernel, const Target& target, ModuleOp module)
    : kernel(kernel),
      op(cast<ir::AttentionOp>(kernel.op)),
      e(kernel, target, module),
      mask(tile::classifyMask(kernel, op.getMask())),
      blocking(kernel, mask, target),
      tile{e, blocking} {}

bool AttentionCalls::edits() const {
  return blocking.editsScores || !blocking.keys.is_static() ||
         blocking.keys.constant % e.lanes() != 0;
}

LogicalResult AttentionCalls::emitParts() {
  if (!kernel.extentOf('e').is_static() || !kernel.extentOf('d').is_static())
    return op.emitOpError("expected static feature extents");
  if (blocking.fewKeys) return failure(failed(tile.emitFewKeys()) || failed(tile.emitPack()));
  tile.emitScores();
  tile.emitValues();
  for (bool masked : {false, true}) {
    if (masked && !hasMask()) continue;
    if (blocking.wholeRows ? failed(tile.emitWholeRows(masked))
                           : (masked || edits()) && failed(tile.emitEdit(masked)))
      return failure();
  }
  if (!mask.complete) tile.emitClear();
  if (!blocking.wholeRows) tile.emitSoftmax();
  if (hasWeights()) tile.emitWeights();
  if (blocking.ahead.rows) tile.emitAhead();
  if (failed(tile.emitPack())) return failure();
  return tile.emitFinish();
}

void AttentionCalls::call(const std::string& function, ArrayRef<Value> arguments) {
  Values all(buffers);
  all.append(arguments.begin(), arguments.end());
  e.call(function, all);
}

void AttentionCalls::count(int64_t counter, Value more) {
  Value counts = e.view(arguments.scratch, e.constant(0), e.b.getI64Type()),
        at = e.constant(counter);
  Value so_far = e.loadScalar(counts, at),
        added = arith::IndexCastOp::create(e.b, e.loc, so_far.getType(), more);
  e.storeScalar(arith::AddIOp::create(e.b, e.loc, so_far, added), counts, at);
}

// ---- operands ----

void AttentionCalls::pack() {
  if (!blocking.packsOnce) return;
  Value state = e.view(arguments.scratch, e.constant(0), e.index);
  auto kept = [&](abi::AttentionState n) { return e.loadScalar(state, e.constant(n)); };
  Value before = kept(abi::packed_batch), low = kept(abi::packed_low),
        high = kept(abi::packed_high);
  e.when(e.compare(arith::CmpIPredicate::ne, before, batch), [&] { listAhead(); });
  // What lies there can be continued.
  Value known = e.equal(before, batch);
  auto atMost = [&](Value x, Value y) { return e.compare(arith::CmpIPredicate::sle, x, y); };
  for (Value condition : {atMost(low, packedLow), atMost(packedLow, high)})
    known = arith::AndIOp::create(e.b, e.loc, known, condition);
  Value upTo = e.select(known, high, packedLow);
  Value from = e.select(known, e.roundDown(high, blocking.width), packedLow);  // whole panels
  e.when(e.below(upTo, packedHigh),
         [&] { call(tile.name("pack"), {packed, batch, firstKey, firstValue, from, packedHigh}); });
  auto keep = [&](abi::AttentionState n, Value x) { e.storeScalar(x, state, e.constant(n)); };
  keep(abi::packed_batch, batch);
  keep(abi::packed_low, e.select(known, low, packedLow));
  keep(abi::packed_high, e.max(upTo, packedHigh));
}

void AttentionCalls::packQueries(Value query, Value rows) {
  if (!blocking.packsQueries) return;
  (void)packRows(e, {0, 'i', 'e'}, buffers, batch, query, rows, scratch,
                 e.constant(blocking.queriesAt), e.constant(blocking.features), nullptr,
                 tile::attention_captured);
}

Value AttentionCalls::queryAddress(Value query, Value tileRow) {
  if (blocking.packsQueries)
    return e.add(e.mul(tileRow, blocking.features), blocking.queriesAt);
  Place place(e, buffers);
  place.set('b', batch);
  place.set('i', query);
  return place.address(kernel.ins[0]);
}

// Not behind the last batch index: of memory that is not there every prefetch walks the page table.
void AttentionCalls::listAhead() {
  if (!blocking.ahead.rows) return;
  Value last = e.sub(e.dim(blocking.batch), e.constant(1));
  call(tile.aheadName(), {ahead, e.min(e.add(batch, 1), last)});
}

void AttentionCalls::addAhead(Values& arguments, Value turn, bool last) {
  if (!blocking.ahead.rows) return;
  const int64_t rows = blocking.ahead.rows, keyBlocks = blocking.staticKeyBlocks();
  Value turns = e.mul(tiles, keyBlocks), at = e.divide(e.mul(e.add(turn, last), rows), turns);
  if (last) {
    Value share = e.constant(blocking.ahead.valueShare);
    at = e.sub(e.max(at, share), share);
  }
  arguments.append({ahead, at, e.constant(rows - 1)});
}

// ---- a tile and a block of keys ----

void AttentionCalls::few(Value query, Value rows) {
  call(tile.name("few"),
       {scratch, queryRows(), keyRows, values, batch, query, rows,
        queryAddress(query, e.constant(0)), e.dim(tile.queryStride()), firstKey, firstValue});
}

void AttentionCalls::scores(const Tile& t, const Keys& k) {
  Value first = e.add(firstKey, e.mul(k.start, e.dim(blocking.keyRow)));
  Value stride = e.dim(blocking.keysInPlace ? blocking.keyRow : tile.queryStride());
  Values arguments{queryRows(), keyRows, scratch, queryAddress(t.query, t.tileRow), first, k.low,
                   k.high,      stride,  t.rows};
  addAhead(arguments, t.turn, false);
  e.callShared(tile.scoresName(), arguments);
}

void AttentionCalls::byMask(Value inside, llvm::function_ref<void(bool masked)> call) {
  auto calling = [&](bool masked) {
    return [&call, masked] {
      call(masked);
      return Values{};
    };
  };
  if (hasMask() && inside) e.choose(inside, TypeRange{}, calling(false), calling(true));
  else call(hasMask());
}

void AttentionCalls::edit(const Tile& t, const Keys& k, bool masked) {
  if (masked || edits())
    call(tile.editName(masked), {scratch, batch, t.query, t.rows, k.start, k.low, k.high});
}

// The mask is worked out where it decides something.
void AttentionCalls::editBesideAlive(const Tile& t, const Keys& k) {
  auto part = [&](Value low, Value high, bool masked) {
    high = e.min(high, k.high);
    e.when(e.below(low, high), [&] { edit(t, {k.start, low, high}, masked); });
  };
  part(k.low, k.aliveLow, true);
  if (edits()) part(k.aliveLow, k.aliveHigh, false);
  part(k.aliveHigh, k.high, true);
}

void AttentionCalls::softmax(const Tile& t, const Keys& k, Value isFirst, Value inside) {
  if (blocking.wholeRows)
    return byMask(inside, [&](bool masked) {
      call(tile.wholeRowsName(masked), {scratch, batch, t.query, t.rows, t.kept});
    });
  if (k.aliveLow) editBesideAlive(t, k);
  else byMask(inside, [&](bool masked) { edit(t, k, masked); });
  e.call(tile.name("softmax"), {scratch, t.rows, k.low, k.high, t.kept, isFirst});
}

void AttentionCalls::addValues(const Tile& t, const Keys& k, Value isFirst) {
  Value row = e.dim(blocking.valueRow), first = e.add(firstValue, e.mul(k.start, row));
  Values arguments{scratch, values, first, k.low, k.high, t.kept, isFirst, row, t.rows};
  addAhead(arguments, t.turn, true);
  e.callShared(tile.valuesName(), arguments);
}

void AttentionCalls::clear(const Tile& t) {
  e.call(tile.name("clear"), {scratch, t.rows, t.kept});
}

void AttentionCalls::finish(const Tile& t) {
  call(tile.name("finish"), {scratch, batch, t.query, t.rows, t.kept});
}

void AttentionCalls::weights(const Tile& t, const Keys& k) {
  scores(t, k);
  edit(t, k, hasMask());
  call(tile.name("weights"), {scratch, batch, t.query, t.rows, k.start, k.high, t.tileRow});
}

}  // namespace heed::cpu
