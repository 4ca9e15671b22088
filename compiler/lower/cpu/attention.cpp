// heed.attention by online softmax. A work item is a block of queries of one batch index: blocks of
// keys pass by, and for each, every tile of queries gets its scores, their softmax so far and the
// sums of values so far. The mask's bounds say which keys a tile skips and where the mask need not
// be evaluated.
//
// A thread packs the keys and values of a batch index into its scratch when it comes to it, and
// only those that the queries of its range may see: packed once where the range goes to the end,
// and never handed over through memory.
#include "heed/compiler/lower/cpu/attention.h"
#include "heed/compiler/lower/cpu/attention_mask.h"
#include "heed/compiler/lower/cpu/kinds.h"
#include "heed/compiler/lower/cpu/place.h"
#include "heed/runtime/abi/kernel.h"

using namespace mlir;

namespace heed::cpu {

namespace {

class Attention {
 public:
  Attention(const tile::Kernel& kernel, const Target& target, ModuleOp module)
      : kernel(kernel),
        op(cast<ir::AttentionOp>(kernel.op)),
        e(kernel, target, module),
        mask(tile::classifyMask(kernel, op.getMask())),
        blocking(kernel, mask, target),
        tile{e, blocking} {}

  Lowering lower() {
    if (failed(emitParts())) return failure();
    emitWalk();
    return tile::Lowered{{launch()}, {}};
  }

 private:
  const tile::Kernel& kernel;
  ir::AttentionOp op;
  Emit e;
  tile::MaskClasses mask;
  AttentionBlocking blocking;
  AttentionTile tile;

  // Values of the walk.
  KernelArguments arguments;
  ValueRange buffers;  // ins, then outs
  // largerTiles have tileRows + 1 rows
  Value queries, keys, tiles, tileRows, largerTiles, queryBlocks, keyBlocks, keyBlock;
  // of packed keys and values, and of those that are read, packed or not
  Value scratch, packed, keyRows, values;
  Value batch;
  // Of the current batch index: addresses of its keys and values, and the keys [packedLow,
  // packedHigh) that are packed.
  Value firstKey, firstValue, packedLow, packedHigh;

  AttentionMask seen() { return {e, mask, op.getMask(), buffers, batch, keys}; }
  bool hasMask() { return !op.getMask().empty(); }
  bool hasWeights() const { return kernel.outs.size() > 1; }
  // Somebody must look at the scores before softmax.
  bool edits() const {
    return blocking.editsScores || !blocking.keys.is_static() ||
           blocking.keys.constant % e.lanes() != 0;
  }

  LogicalResult emitParts() {
    if (!kernel.extentOf('e').is_static() || !kernel.extentOf('d').is_static())
      return op.emitOpError("expected static feature extents");
    if (blocking.fewKeys) return failure(failed(tile.emitFewKeys()) || failed(tile.emitPack()));
    for (int64_t height : blocking.heights) {
      tile.emitScores(int(height));
      for (auto [first, rows] : blocking.valueParts(height)) tile.emitValues(int(rows));
    }
    for (bool masked : {false, true}) {
      if (masked && !hasMask()) continue;
      if (blocking.wholeRows ? failed(tile.emitWholeRows(masked))
                             : (masked || edits()) && failed(tile.emitEdit(masked)))
        return failure();
    }
    if (!mask.complete) tile.emitClear();
    if (!blocking.wholeRows) tile.emitSoftmax();
    if (hasWeights()) tile.emitWeights();
    if (blocking.fetchesNext) tile.emitFetch();
    if (failed(tile.emitPack())) return failure();
    return tile.emitFinish();
  }

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
    launch.grain = exactWork() ? 1 : blocking.rows;
    launch.flops = Dim(2) * blocking.batch * blocking.queries * blocking.keys *
                   Dim(blocking.features + blocking.values);
    launch.bytes = bytesRead();
    return launch;
  }

  bool exactWork() const { return blocking.queries.is_static(); }
  Dim work() const {
    if (blocking.wholeBatches) return blocking.batch;
    if (!exactWork()) return blocking.batch * blocking.queries;  // proportional to the items
    return blocking.batch * Dim(blocking.staticQueryBlocks());
  }

  void begin() {
    arguments = e.beginKernel(kernel.name, tile.kernelBuffers({}));
    buffers = ValueRange(arguments.buffers);
    keys = e.dim(blocking.keys);
    scratch = e.view(arguments.scratch, e.constant(0), e.f32);
    packed = e.view(arguments.scratch, e.constant(blocking.packedAt * float_bytes), e.f32);
    keyRows = blocking.keysInPlace ? buffers[1] : packed;
    values = blocking.valuesInPlace ? buffers[2] : packed;
    queries = e.dim(blocking.queries);
    tiles = e.ceilDivide(queries, blocking.rows);
    if (blocking.fewQueries)
      tiles = e.select(e.below(queries, e.constant(blocking.fewQueries)), queries, tiles);
    tileRows = e.divide(queries, tiles);
    largerTiles = e.sub(queries, e.mul(tileRows, tiles));
    queryBlocks = e.ceilDivide(tiles, blocking.blockTiles);
    keyBlocks = e.ceilDivide(keys, blocking.keyBlock);  // balanced, of whole panels
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

  void callPack() {
    Values call(buffers);
    call.append({packed, batch, firstKey, firstValue, packedLow, packedHigh});
    e.call(tile.name("pack"), call);
  }

  // ---- the walk ----

  void emitWalk() {
    begin();
    Value zero = arith::ConstantOp::create(e.b, e.loc, e.b.getF32FloatAttr(0)),
          failedAt = e.constant(blocking.failedAt);
    if (blocking.checksLookups) e.storeScalar(zero, scratch, failedAt);
    Value first = arguments.begin, last = arguments.end;
    if (blocking.wholeBatches) {
      e.loop(first, last, 1, [&](Value b) { walkBatch(b, e.constant(0), queryBlocks); });
    } else {
      if (!exactWork()) {
        Value items = e.mul(queryBlocks, e.dim(blocking.batch)), all = e.dim(work());
        first = e.divide(e.mul(first, items), all);
        last = e.divide(e.mul(last, items), all);
      }
      e.loop(e.divide(first, queryBlocks), e.ceilDivide(last, queryBlocks), 1, [&](Value b) {
        Value before = e.mul(b, queryBlocks);
        walkBatch(b, e.max(e.sub(first, before), e.constant(0)),
                  e.min(e.sub(last, before), queryBlocks));
      });
    }
    if (!blocking.checksLookups) return e.finishKernel();
    auto status = [&](int32_t code) -> Value {
      return arith::ConstantOp::create(e.b, e.loc, e.b.getI32IntegerAttr(code));
    };
    Value failed = e.compare(arith::CmpFPredicate::UNE, e.loadScalar(scratch, failedAt), zero);
    Value result = e.select(failed, status(abi::kernel_index_out_of_range), status(abi::kernel_ok));
    func::ReturnOp::create(e.b, e.loc, result);
  }

  void walkBatch(Value b, Value firstBlock, Value lastBlock) {
    e.when(e.below(firstBlock, lastBlock), [&] {
      setBatch(b, firstQuery(firstTile(firstBlock)), firstQuery(firstTile(lastBlock)));
      callPack();
      e.loop(firstBlock, lastBlock, 1, [&](Value block) { walkQueries(block); });
    });
  }

  Value firstTile(Value block) { return e.divide(e.mul(block, tiles), queryBlocks); }
  Value firstQuery(Value t) { return e.add(e.mul(t, tileRows), e.min(t, largerTiles)); }

  void walkQueries(Value block) {
    Value first = firstTile(block), last = firstTile(e.add(block, 1));
    Value blockQuery = firstQuery(first), end = firstQuery(last);
    if (hasMask()) count(abi::tiles_in_all, e.mul(e.sub(last, first), keyBlocks));
    if (blocking.packsQueries)
      (void)packRows(e, {0, 'i', 'e'}, buffers, batch, blockQuery, e.sub(end, blockQuery), scratch,
                     e.constant(blocking.queriesAt), e.constant(blocking.features), nullptr,
                     tile::attention_captured);
    if (blocking.fewKeys)
      return callFewKeys(blockQuery, e.sub(end, blockQuery), e.sub(last, first));
    tile::KeyRanges all = seen().ranges(blockQuery, end);
    Value from = blockStart(e.min(all.low, e.sub(packedHigh, e.constant(1))));
    Value to = e.max(all.high, e.add(from, 1));
    auto loop = scf::ForOp::create(e.b, e.loc, from, to, keyBlock);
    {
      OpBuilder::InsertionGuard guard(e.b);
      e.b.setInsertionPoint(loop.getBody()->getTerminator());
      e.loop(first, last, 1,
             [&](Value t) { walkTile(t, loop.getInductionVar(), from, blockQuery); });
    }
    if (hasWeights()) e.loop(first, last, 1, [&](Value t) { walkWeights(t, blockQuery); });
  }

  void walkTile(Value t, Value keyStart, Value firstKeyStart, Value blockQuery) {
    Value query = firstQuery(t), rows = e.sub(firstQuery(e.add(t, 1)), query),
          tileRow = e.sub(query, blockQuery), kept = blocking.oneKeyBlock ? e.constant(0) : tileRow;
    tile::KeyRanges range = seen().ranges(query, e.add(query, rows));
    if (hasMask()) {  // a tile without a live key looks at one that is not, and finds zeros
      Value none = e.compare(arith::CmpIPredicate::sge, range.low, range.high);
      range.low = e.select(none, firstKeyStart, range.low);
      range.high = e.select(none, e.add(firstKeyStart, 1), range.high);
    }
    Value low = e.roundDown(e.max(e.sub(range.low, keyStart), e.constant(0)), blocking.width);
    Value high = e.min(e.sub(range.high, keyStart), keyBlock);
    e.when(e.below(low, high), [&] {
      Value isFirst = e.compare(arith::CmpIPredicate::sle, keyStart, range.low);
      Value inside;  // nothing to be masked; null: not known
      auto work = [&] {
        if (hasMask()) count(abi::tiles_visited, e.constant(1));
        callFetch(t, keyStart, 0);
        callScores(query, tileRow, rows, keyStart, low, high);
        callFetch(t, keyStart, 1);
        if (blocking.wholeRows) {
          callWholeRows(query, rows, kept, inside);
        } else {
          callEdit(query, rows, keyStart, low, high, inside);
          e.call(tile.name("softmax"), {scratch, rows, low, high, kept, isFirst});
        }
        callFetch(t, keyStart, 2);
        Value value = e.add(firstValue, e.mul(keyStart, e.dim(blocking.valueRow)));
        e.switchOn(rows, blocking.heights, [&](int64_t h) {
          for (auto [first, count] : blocking.valueParts(h))
            e.callShared(tile.valuesName(count),
                         {scratch, values, value, low, high, e.add(kept, first), isFirst,
                          e.dim(blocking.valueRow), e.constant(blocking.rowOfScores(first))});
        });
        callFetch(t, keyStart, 3);
        return Values{};
      };
      // The last vector may reach beyond `high`; what it holds there must be alive, too.
      Value end = e.min(e.add(keyStart, e.roundUp(high, e.lanes())), keys);
      if (!hasMask()) {
        work();
      } else if (mask.complete) {
        inside = arith::AndIOp::create(
            e.b, e.loc, e.compare(arith::CmpIPredicate::sle, range.fullLow, e.add(keyStart, low)),
            e.compare(arith::CmpIPredicate::sle, end, range.fullHigh));
        work();
      } else if (auto verdict = seen().judge(query, rows, e.add(keyStart, low), end)) {
        inside = verdict->must;
        e.choose(verdict->may, TypeRange{}, work, [&] {
          e.when(isFirst, [&] { e.call(tile.name("clear"), {scratch, rows, kept}); });
          return Values{};
        });
      } else {
        work();
      }
      e.when(e.compare(arith::CmpIPredicate::sge, e.add(keyStart, keyBlock), range.high), [&] {
        Values call(buffers);
        call.append({scratch, batch, query, rows, kept});
        e.call(tile.name("finish"), call);
      });
    });
  }

  // For profiles: into the first bytes of the scratch.
  void count(int64_t counter, Value more) {
    Value counts = e.view(arguments.scratch, e.constant(0), e.b.getI64Type()),
          at = e.constant(counter);
    Value so_far = e.loadScalar(counts, at),
          added = arith::IndexCastOp::create(e.b, e.loc, so_far.getType(), more);
    e.storeScalar(arith::AddIOp::create(e.b, e.loc, so_far, added), counts, at);
  }

  // Where queries from `query` on are read.
  Value queryRows() { return blocking.packsQueries ? scratch : buffers[0]; }
  Value queryAddress(Value query, Value tileRow) {
    if (blocking.packsQueries)
      return e.add(e.mul(tileRow, blocking.features), blocking.queriesAt);
    Place place(e, buffers);
    place.set('b', batch);
    place.set('i', query);
    return place.address(kernel.ins[0]);
  }

  // What is fetched while a tile runs comes in parts, between its phases: more lines at a time than
  // a core has buffers for would stop it.
  static constexpr int fetchParts = 4;
  void callFetch(Value t, Value keyStart, int part) {
    if (!blocking.fetchesNext) return;
    Value count = e.min(keyBlock, e.sub(keys, keyStart)), shares = e.mul(tiles, fetchParts);
    Value share = e.add(e.mul(t, fetchParts), part);
    auto first = [&](Value share) {
      return e.add(keyStart, e.divide(e.mul(share, count), shares));
    };
    Values call(buffers);  // behind the last batch index nobody minds
    call.append({e.add(batch, 1), first(share), first(e.add(share, 1))});
    e.call(tile.fetchName(), call);
  }

  void callFewKeys(Value query, Value rows, Value blockTiles) {
    if (hasMask()) count(abi::tiles_visited, blockTiles);
    Values call(buffers);
    call.append({scratch, queryRows(), keyRows, values, batch, query, rows,
                 queryAddress(query, e.constant(0)), e.dim(tile.queryStride()), firstKey,
                 firstValue});
    e.call(tile.name("few"), call);
  }

  void callScores(Value query, Value tileRow, Value rows, Value keyStart, Value low, Value high) {
    Value q = queryRows(), address = queryAddress(query, tileRow);
    Value k = e.add(firstKey, e.mul(keyStart, e.dim(blocking.keyRow)));
    Value stride = e.dim(blocking.keysInPlace ? blocking.keyRow : tile.queryStride());
    e.switchOn(rows, blocking.heights, [&](int64_t h) {
      e.callShared(tile.scoresName(h), {q, keyRows, scratch, address, k, low, high, stride});
    });
  }

  // `masked` unless it is known that nothing is to be masked.
  void byMask(Value inside, llvm::function_ref<void(bool masked)> call) {
    auto calling = [&](bool masked) {
      return [&call, masked] {
        call(masked);
        return Values{};
      };
    };
    if (hasMask() && inside) e.choose(inside, TypeRange{}, calling(false), calling(true));
    else call(hasMask());
  }

  void callEdit(Value query, Value rows, Value keyStart, Value low, Value high, Value inside) {
    Values call(buffers);
    call.append({scratch, batch, query, rows, keyStart, low, high});
    byMask(inside, [&](bool masked) {
      if (masked || edits()) e.call(tile.editName(masked), call);
    });
  }

  void callWholeRows(Value query, Value rows, Value kept, Value inside) {
    Values call(buffers);
    call.append({scratch, batch, query, rows, kept});
    byMask(inside, [&](bool masked) { e.call(tile.wholeRowsName(masked), call); });
  }

  // outs[1], for all keys: dead ones get their zeros.
  void walkWeights(Value t, Value blockQuery) {
    Value query = firstQuery(t), rows = e.sub(firstQuery(e.add(t, 1)), query),
          tileRow = e.sub(query, blockQuery);
    auto loop = scf::ForOp::create(e.b, e.loc, e.constant(0), keys, keyBlock);
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPoint(loop.getBody()->getTerminator());
    Value keyStart = loop.getInductionVar(), low = e.constant(0),
          high = e.min(keyBlock, e.sub(keys, keyStart));
    callScores(query, tileRow, rows, keyStart, low, high);
    Values call(buffers);
    call.append({scratch, batch, query, rows, keyStart, low, high});
    if (hasMask() || edits()) e.call(tile.editName(hasMask()), call);
    Values weights(buffers);
    weights.append({scratch, batch, query, rows, keyStart, high, tileRow});
    e.call(tile.name("weights"), weights);
  }
};

}  // namespace

Lowering lowerAttention(const tile::Kernel& kernel, const Target& target, ModuleOp module) {
  return Attention(kernel, target, module).lower();
}

}  // namespace heed::cpu
