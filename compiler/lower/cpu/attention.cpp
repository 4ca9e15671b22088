// heed.attention by online softmax. A work item is a tile of queries of one batch index; those of a
// range form blocks. Blocks of keys pass by, and for each, every tile of a block of queries gets
// its scores, their softmax so far and the sums of values so far. The mask's bounds say which keys
// a tile skips and where the mask need not be evaluated.
//
// A thread packs the keys and values of a batch index into its scratch when it comes to it, and
// only those that the queries of its range may see; its next range of the same batch index finds
// them there. They are never handed over through memory.
#include "heed/compiler/lower/cpu/attention_calls.h"
#include "heed/compiler/lower/cpu/kinds.h"
#include "heed/compiler/lower/cpu/place.h"
#include "heed/runtime/abi/kernel.h"

using namespace mlir;

namespace heed::cpu {

namespace {

class Attention : AttentionCalls {
 public:
  Attention(const tile::Kernel& kernel, const Target& target, ModuleOp module)
      : AttentionCalls(kernel, target, module) {}

  Lowering lower() {
    if (failed(emitParts())) return failure();
    emitWalk();
    return tile::Lowered{{launch()}, {}};
  }

 private:
  Value tileRows, largerTiles;  // the latter have tileRows + 1 rows

  // ---- launches ----

  size_t bufferCount() const { return kernel.ins.size() + kernel.outs.size(); }
  Dim bytesRead() const {
    Dim sum(0);
    for (const tile::Access& in : kernel.ins)
      sum = sum + element_count(in.shape) * Dim(int64_t(size_of(in.dtype)));
    return sum;
  }

  tile::Launch launch() {
    tile::Launch launch;
    launch.function = kernel.name;
    for (size_t n = 0; n < bufferCount(); ++n) launch.buffers.push_back(int(n));
    launch.dims = e.dims();
    launch.kind = "attention";
    launch.work = work();
    launch.scratchBytes = blocking.scratchBytes();
    launch.countsTiles = hasMask();
    launch.packsOnce = blocking.packsOnce;
    launch.grain = grain();
    launch.flops = Dim(2) * blocking.batch * blocking.queries * blocking.keys *
                   Dim(blocking.features + blocking.values);
    launch.bytes = bytesRead();
    return launch;
  }

  bool exactWork() const { return blocking.queries.is_static(); }
  Dim work() const {
    if (!exactWork()) return blocking.batch * blocking.queries;  // proportional to the items
    return blocking.batch * Dim(blocking.staticTiles());
  }
  int64_t grain() const {
    if (!exactWork()) return blocking.rows;
    if (!blocking.keys.is_static()) return 1;
    constexpr int64_t leastProducts = 32'768;  // a thread is woken for
    return std::max<int64_t>(1, leastProducts / (blocking.rows * blocking.keys.constant *
                                                 (blocking.features + blocking.values)));
  }

  void begin() {
    arguments = e.beginKernel(kernel.name, tile.kernelBuffers({}));
    buffers = ValueRange(arguments.buffers);
    keys = e.dim(blocking.keys);
    scratch = e.view(arguments.scratch, e.constant(0), e.f32);
    packed = e.view(arguments.scratch, e.constant(blocking.packedAt * float_bytes), e.f32);
    if (blocking.ahead.rows)
      ahead = e.view(arguments.scratch, e.constant(blocking.aheadAt * float_bytes), e.index);
    keyRows = blocking.keysInPlace ? buffers[1] : packed;
    values = blocking.valuesInPlace ? buffers[2] : packed;
    queries = e.dim(blocking.queries);
    tiles = e.ceilDivide(queries, blocking.rows);
    if (blocking.fewQueries)
      tiles = e.select(e.below(queries, e.constant(blocking.fewQueries)), queries, tiles);
    tileRows = e.divide(queries, tiles);
    largerTiles = e.sub(queries, e.mul(tileRows, tiles));
    // balanced, of whole panels
    Value keyBlocks = e.ceilDivide(keys, blocking.keyBlock);
    keyBlock = e.roundUp(e.ceilDivide(keys, keyBlocks), blocking.width);
  }

  Value blockStart(Value key) { return e.mul(e.divide(key, keyBlock), keyBlock); }

  // For queries [first, end).
  void setBatch(Value b, Value first, Value end) {
    batch = b;
    firstKey = e.constant(0);
    firstValue = e.dim(blocking.packedKeys());
    Place place(e, buffers);
    place.set('b', batch);
    if (blocking.keysInPlace) firstKey = place.address(kernel.ins[1]);
    if (blocking.valuesInPlace) firstValue = place.address(kernel.ins[2]);
    packedLow = e.constant(0);
    packedHigh = keys;
    if (mask.bounds.empty() || hasWeights() || blocking.fewKeys) return;
    tile::KeyRanges any = seen().ranges(first, end);  // by any query; one key at least
    packedLow = blockStart(e.min(any.low, e.sub(keys, e.constant(1))));
    packedHigh = e.min(e.max(any.high, e.add(packedLow, 1)), keys);
  }

  // ---- the walk ----

  void emitWalk() {
    begin();
    Value zero = arith::ConstantOp::create(e.b, e.loc, e.b.getF32FloatAttr(0)),
          failedAt = e.constant(blocking.failedAt);
    if (blocking.checksLookups) e.storeScalar(zero, scratch, failedAt);
    Value first = arguments.begin, last = arguments.end;
    if (!exactWork()) {
      Value items = e.mul(tiles, e.dim(blocking.batch)), all = e.dim(work());
      first = e.divide(e.mul(first, items), all);
      last = e.divide(e.mul(last, items), all);
    }
    e.loop(e.divide(first, tiles), e.ceilDivide(last, tiles), 1, [&](Value b) {
      Value before = e.mul(b, tiles);
      walkBatch(b, e.max(e.sub(first, before), e.constant(0)), e.min(e.sub(last, before), tiles));
    });
    if (!blocking.checksLookups) return e.finishKernel();
    auto status = [&](int32_t code) -> Value {
      return arith::ConstantOp::create(e.b, e.loc, e.b.getI32IntegerAttr(code));
    };
    Value failed = e.compare(arith::CmpFPredicate::UNE, e.loadScalar(scratch, failedAt), zero);
    Value result = e.select(failed, status(abi::kernel_index_out_of_range), status(abi::kernel_ok));
    func::ReturnOp::create(e.b, e.loc, result);
  }

  // Of tiles [first, last).
  void walkBatch(Value b, Value first, Value last) {
    e.when(e.below(first, last), [&] {
      setBatch(b, firstQuery(first), firstQuery(last));
      pack();
      Value count = e.sub(last, first), blocks = e.ceilDivide(count, blocking.blockTiles);
      auto startOf = [&](Value block) {
        return e.add(first, e.divide(e.mul(block, count), blocks));
      };
      e.loop(e.constant(0), blocks, 1,
             [&](Value block) { walkQueries(startOf(block), startOf(e.add(block, 1))); });
    });
  }

  Value firstQuery(Value t) { return e.add(e.mul(t, tileRows), e.min(t, largerTiles)); }

  void walkQueries(Value first, Value last) {
    Value blockQuery = firstQuery(first), end = firstQuery(last);
    Value tilesHere = e.sub(last, first);
    if (hasMask())
      count(abi::tiles_in_all, e.mul(tilesHere, e.ceilDivide(keys, blocking.keyBlock)));
    packQueries(blockQuery, e.sub(end, blockQuery));
    if (blocking.fewKeys) {
      if (hasMask()) count(abi::tiles_visited, tilesHere);
      return few(blockQuery, e.sub(end, blockQuery));
    }
    tile::KeyRanges all = seen().ranges(blockQuery, end);
    Value from = blockStart(e.min(all.low, e.sub(packedHigh, e.constant(1))));
    Value to = e.max(all.high, e.add(from, 1));
    auto loop = scf::ForOp::create(e.b, e.loc, from, to, keyBlock);
    {
      OpBuilder::InsertionGuard guard(e.b);
      e.b.setInsertionPoint(loop.getBody()->getTerminator());
      Value keyStart = loop.getInductionVar();
      e.loop(first, last, 1, [&](Value t) {
        Tile tile = tileOf(t, blockQuery);
        if (blocking.ahead.rows && !blocking.oneKeyBlock) {
          Value blocksBefore = e.divide(keyStart, keyBlock), inBlock = e.sub(t, first);
          tile.turn = e.add(e.mul(first, blocking.staticKeyBlocks()),
                            e.add(e.mul(blocksBefore, tilesHere), inBlock));
        }
        walkTile(tile, keyStart, from);
      });
    }
    if (hasWeights()) e.loop(first, last, 1, [&](Value t) { walkWeights(tileOf(t, blockQuery)); });
  }

  Tile tileOf(Value number, Value blockQuery) {
    Value query = firstQuery(number), tileRow = e.sub(query, blockQuery);
    return {query, e.sub(firstQuery(e.add(number, 1)), query), tileRow,
            blocking.oneKeyBlock ? e.constant(0) : tileRow, number};
  }

  void walkTile(const Tile& t, Value keyStart, Value firstKeyStart) {
    tile::KeyRanges range = seen().ranges(t.query, e.add(t.query, t.rows));
    if (hasMask()) {  // a tile without a live key looks at one that is not, and finds zeros
      Value none = e.compare(arith::CmpIPredicate::sge, range.low, range.high);
      range.low = e.select(none, firstKeyStart, range.low);
      range.high = e.select(none, e.add(firstKeyStart, 1), range.high);
    }
    Value low = e.roundDown(e.max(e.sub(range.low, keyStart), e.constant(0)), blocking.width);
    Value high = e.min(e.sub(range.high, keyStart), keyBlock);
    Keys k{keyStart, low, high};
    e.when(e.below(low, high), [&] {
      Value isFirst = e.compare(arith::CmpIPredicate::sle, keyStart, range.low);
      Value inside;  // nothing to be masked; null: not known
      auto work = [&] {
        if (hasMask()) count(abi::tiles_visited, e.constant(1));
        scores(t, k);
        softmax(t, k, isFirst, inside);
        addValues(t, k, isFirst);
        return Values{};
      };
      // The last vector may reach beyond `high`; what it holds there must be alive, too.
      Value end = e.min(e.add(keyStart, e.roundUp(high, e.lanes())), keys);
      if (!hasMask()) {
        work();
      } else if (mask.complete) {
        auto columnOf = [&](Value key, Value least) { return e.max(e.sub(key, keyStart), least); };
        Value last = e.roundUp(high, e.lanes());
        k.aliveLow = e.min(e.roundUp(columnOf(range.fullLow, low), e.lanes()), last);
        k.aliveHigh = e.min(e.roundDown(columnOf(range.fullHigh, k.aliveLow), e.lanes()), last);
        k.aliveHigh = e.select(e.compare(arith::CmpIPredicate::sle, end, range.fullHigh), last,
                               k.aliveHigh);
        work();
      } else if (auto verdict = seen().judge(t.query, t.rows, e.add(keyStart, low), end)) {
        inside = verdict->must;
        e.choose(verdict->may, TypeRange{}, work, [&] {
          e.when(isFirst, [&] { clear(t); });
          return Values{};
        });
      } else {
        work();
      }
      e.when(e.compare(arith::CmpIPredicate::sge, e.add(keyStart, keyBlock), range.high),
             [&] { finish(t); });
    });
  }

  // outs[1], for all keys: dead ones get their zeros.
  void walkWeights(const Tile& t) {
    auto loop = scf::ForOp::create(e.b, e.loc, e.constant(0), keys, keyBlock);
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPoint(loop.getBody()->getTerminator());
    Value start = loop.getInductionVar();
    weights(t, {start, e.constant(0), e.min(keyBlock, e.sub(keys, start))});
  }
};

}  // namespace

Lowering lowerAttention(const tile::Kernel& kernel, const Target& target, ModuleOp module) {
  return Attention(kernel, target, module).lower();
}

}  // namespace heed::cpu
