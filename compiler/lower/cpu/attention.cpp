// heed.attention by online softmax. A work item is a block of queries of one batch index: blocks of keys pass by, and
// for each, every tile of queries gets its scores, their softmax so far and the sums of values so far. The mask's bounds
// say which keys a tile skips and where the mask need not be evaluated.
//
// Keys and values are packed first, by a launch of their own into temporaries, or, where there are enough batch indices
// for work items, by the thread that needs them. Neither changes a bit of the result.
#include "heed/compiler/lower/cpu/attention.h"
#include "heed/compiler/lower/cpu/kinds.h"
#include "heed/compiler/lower/cpu/place.h"
#include "heed/compiler/lower/tile/mask_ranges.h"

using namespace mlir;

namespace heed::cpu {

namespace {

class Attention {
 public:
  Attention(const tile::Kernel& kernel, const Target& target, ModuleOp module)
      : kernel(kernel), op(cast<ir::AttentionOp>(kernel.op)), e(kernel, target, module),
        mask(tile::classifyMask(kernel, op.getMask())), blocking(kernel, mask, target), tile{e, blocking} {}

  Lowering lower() {
    if (failed(emitParts())) return failure();
    tile::Lowered lowered;
    if (!blocking.packsInside) {
      emitPackLaunch();
      lowered.launches.push_back(packLaunch());
      lowered.temporaries.push_back((blocking.packedKeys() + blocking.packedValues()) * blocking.batch *
                                    Dim(float_bytes));
    }
    emitWalk();
    lowered.launches.push_back(launch());
    return lowered;
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
  Value queries, keys, tiles, tileRows, largerTiles, queryBlocks, keyBlock;  // largerTiles have tileRows + 1 rows
  Value scratch, packed, keyRows, values;  // of packed keys and values, and of those that are read, packed or not
  Value batch;
  // Of the current batch index: addresses of its keys and values, and the keys [packedLow, packedHigh) that are packed.
  Value firstKey, firstValue, packedLow, packedHigh;

  bool hasMask() { return !op.getMask().empty(); }
  bool hasWeights() const { return kernel.outs.size() > 1; }
  // Somebody must look at the scores before softmax.
  bool edits() const {
    return blocking.editsScores || !blocking.keys.is_static() || blocking.keys.constant % e.lanes() != 0;
  }

  LogicalResult emitParts() {
    if (!kernel.extentOf('e').is_static() || !kernel.extentOf('d').is_static())
      return op.emitOpError("expected static feature extents");
    for (int64_t height : blocking.heights) {
      tile.emitScores(int(height));
      for (auto [first, rows] : blocking.valueParts(height)) tile.emitValues(int(rows));
    }
    if (edits() && failed(tile.emitEdit(false))) return failure();
    if (hasMask() && failed(tile.emitEdit(true))) return failure();
    if (!mask.complete) tile.emitClear();
    tile.emitSoftmax();
    if (hasWeights()) tile.emitWeights();
    if (failed(tile.emitPack())) return failure();
    return tile.emitFinish();
  }

  // ---- launches ----

  tile::Launch newLaunch(StringRef function, size_t count) {
    tile::Launch launch;
    launch.function = function.str();
    for (size_t n = 0; n < count; ++n) launch.buffers.push_back(int(n));
    launch.dims = e.dims();
    launch.kind = "attention";
    return launch;
  }
  size_t bufferCount() const { return kernel.ins.size() + kernel.outs.size(); }
  Dim bytesOf(int first, size_t last) const {
    Dim sum(0);
    for (size_t n = first; n < last; ++n)
      sum = sum + element_count(kernel.ins[n].shape) * Dim(int64_t(size_of(kernel.ins[n].dtype)));
    return sum;
  }

  std::string packName() const { return kernel.name + ".packing"; }

  tile::Launch packLaunch() {
    tile::Launch launch = newLaunch(packName(), bufferCount() + 1);
    launch.work = blocking.batch;
    launch.bytes = bytesOf(1, 3) * Dim(2);
    return launch;
  }

  tile::Launch launch() {
    tile::Launch launch = newLaunch(kernel.name, bufferCount() + (blocking.packsInside ? 0 : 1));
    launch.work = work();
    launch.scratchBytes = blocking.scratchBytes();
    launch.grain = exactWork() ? 1 : blocking.rows;
    launch.flops = Dim(2) * blocking.batch * blocking.queries * blocking.keys * Dim(blocking.features + blocking.values);
    launch.bytes = bytesOf(0, kernel.ins.size());
    return launch;
  }

  bool exactWork() const { return blocking.packsInside || blocking.queries.is_static(); }
  Dim work() const {
    if (blocking.packsInside) return blocking.batch;
    if (!exactWork()) return blocking.batch * blocking.queries;  // proportional to the items
    int64_t tiles = (blocking.queries.constant + blocking.rows - 1) / blocking.rows;
    return blocking.batch * Dim((tiles + blocking.blockTiles - 1) / blocking.blockTiles);
  }

  void begin(StringRef name) {
    llvm::SmallVector<Type> types = tile.kernelBuffers({});
    if (!blocking.packsInside) types.push_back(e.bufferType(e.f32));
    arguments = e.beginKernel(name, types);
    buffers = ValueRange(arguments.buffers).take_front(bufferCount());
    keys = e.dim(blocking.keys);
    scratch = e.view(arguments.scratch, e.constant(0), e.f32);
    packed = blocking.packsInside ? e.view(arguments.scratch, e.constant(blocking.packedAt * float_bytes), e.f32)
                                  : arguments.buffers.back();
    keyRows = blocking.keysInPlace ? buffers[1] : packed;
    values = blocking.valuesInPlace ? buffers[2] : packed;
  }

  Value blockStart(Value key) { return e.mul(e.divide(key, keyBlock), keyBlock); }

  void setBatch(Value b) {
    batch = b;
    Value each = e.dim(blocking.packedKeys() + blocking.packedValues());
    firstKey = blocking.packsInside ? e.constant(0) : e.mul(b, each);
    firstValue = e.add(firstKey, e.dim(blocking.packedKeys()));
    Place place(e, buffers);
    place.set('b', batch);
    if (blocking.keysInPlace) firstKey = place.address(kernel.ins[1]);
    if (blocking.valuesInPlace) firstValue = place.address(kernel.ins[2]);
    packedLow = e.constant(0);
    packedHigh = keys;
    if (mask.bounds.empty() || hasWeights()) return;
    tile::KeyRanges seen = rangesOf(e.constant(0), queries);  // by any query; one key at least
    packedLow = blockStart(e.min(seen.low, e.sub(keys, e.constant(1))));
    packedHigh = e.min(e.max(seen.high, e.add(packedLow, 1)), keys);
  }

  void emitPackLaunch() {
    begin(packName());
    prepareTiles();
    e.loop(arguments.begin, arguments.end, 1, [&](Value b) {
      setBatch(b);
      callPack();
    });
    e.finishKernel();
  }

  void callPack() {
    Values call(buffers);
    call.append({packed, batch, firstKey, firstValue, packedLow, packedHigh});
    e.call(tile.name("pack"), call);
  }

  // ---- the walk ----

  void emitWalk() {
    begin(kernel.name);
    prepareTiles();
    Value first = arguments.begin, last = arguments.end;
    if (blocking.packsInside) {
      e.loop(first, last, 1, [&](Value b) {
        setBatch(b);
        callPack();
        e.loop(e.constant(0), queryBlocks, 1, [&](Value block) { walkQueries(block); });
      });
    } else {
      if (!exactWork()) {
        Value items = e.mul(queryBlocks, e.dim(blocking.batch)), all = e.dim(work());
        first = e.divide(e.mul(first, items), all);
        last = e.divide(e.mul(last, items), all);
      }
      e.loop(first, last, 1, [&](Value item) {
        setBatch(e.divide(item, queryBlocks));
        walkQueries(e.remainder(item, queryBlocks));
      });
    }
    e.finishKernel();
  }

  void prepareTiles() {
    queries = e.dim(blocking.queries);
    tiles = e.ceilDivide(queries, blocking.rows);
    if (blocking.fewQueries)
      tiles = e.select(e.below(queries, e.constant(blocking.fewQueries)), queries, tiles);
    tileRows = e.divide(queries, tiles);
    largerTiles = e.sub(queries, e.mul(tileRows, tiles));
    queryBlocks = e.ceilDivide(tiles, blocking.blockTiles);
    Value blocks = e.ceilDivide(keys, blocking.keyBlock);  // balanced, of whole panels
    keyBlock = e.roundUp(e.ceilDivide(keys, blocks), blocking.width);
  }

  Value firstQuery(Value t) { return e.add(e.mul(t, tileRows), e.min(t, largerTiles)); }

  void walkQueries(Value block) {
    Value firstTile = e.divide(e.mul(block, tiles), queryBlocks);
    Value lastTile = e.divide(e.mul(e.add(block, 1), tiles), queryBlocks);
    Value blockQuery = firstQuery(firstTile), end = firstQuery(lastTile);
    if (blocking.packsQueries)
      (void)packRows(e, {0, 'i', 'e'}, buffers, batch, blockQuery, e.sub(end, blockQuery), scratch,
                     e.constant(blocking.queriesAt), e.constant(blocking.features), nullptr, tile::attention_captured);
    tile::KeyRanges all = rangesOf(blockQuery, end);
    Value from = blockStart(e.min(all.low, e.sub(packedHigh, e.constant(1))));
    Value to = e.max(all.high, e.add(from, 1));
    auto loop = scf::ForOp::create(e.b, e.loc, from, to, keyBlock);
    {
      OpBuilder::InsertionGuard guard(e.b);
      e.b.setInsertionPoint(loop.getBody()->getTerminator());
      e.loop(firstTile, lastTile, 1, [&](Value t) { walkTile(t, loop.getInductionVar(), from, blockQuery); });
    }
    if (hasWeights()) e.loop(firstTile, lastTile, 1, [&](Value t) { walkWeights(t, blockQuery); });
  }

  void walkTile(Value t, Value keyStart, Value firstKeyStart, Value blockQuery) {
    Value query = firstQuery(t), rows = e.sub(firstQuery(e.add(t, 1)), query), tileRow = e.sub(query, blockQuery);
    tile::KeyRanges range = rangesOf(query, e.add(query, rows));
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
        callScores(query, tileRow, rows, keyStart, low, high);
        callEdit(query, rows, keyStart, low, high, inside);
        e.call(tile.name("softmax"), {scratch, rows, low, high, tileRow, isFirst});
        Value value = e.add(firstValue, e.mul(keyStart, e.dim(blocking.valueRow)));
        e.switchOn(rows, blocking.heights, [&](int64_t h) {
          for (auto [first, count] : blocking.valueParts(h))
            e.callShared(tile.valuesName(count), {scratch, values, value, low, high, e.add(tileRow, first), isFirst,
                                                  e.dim(blocking.valueRow), e.constant(blocking.rowOfScores(first))});
        });
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
      } else if (auto verdict = judge(query, rows, e.add(keyStart, low), end)) {
        inside = verdict->must;
        e.choose(verdict->may, TypeRange{}, work, [&] {
          e.when(isFirst, [&] { e.call(tile.name("clear"), {scratch, rows, tileRow}); });
          return Values{};
        });
      } else {
        work();
      }
      e.when(e.compare(arith::CmpIPredicate::sge, e.add(keyStart, keyBlock), range.high), [&] {
        Values call(buffers);
        call.append({scratch, batch, query, rows, tileRow});
        e.call(tile.name("finish"), call);
      });
    });
  }

  void callScores(Value query, Value tileRow, Value rows, Value keyStart, Value low, Value high) {
    Value q = blocking.packsQueries ? scratch : buffers[0], address;
    if (blocking.packsQueries) {
      address = e.add(e.mul(tileRow, blocking.features), blocking.queriesAt);
    } else {
      Place place(e, buffers);
      place.set('b', batch);
      place.set('i', query);
      address = place.address(kernel.ins[0]);
    }
    Value k = e.add(firstKey, e.mul(keyStart, e.dim(blocking.keyRow)));
    Value stride = e.dim(blocking.keysInPlace ? blocking.keyRow : tile.queryStride());
    e.switchOn(rows, blocking.heights, [&](int64_t h) {
      e.callShared(tile.scoresName(h), {q, keyRows, scratch, address, k, low, high, stride});
    });
  }

  void callEdit(Value query, Value rows, Value keyStart, Value low, Value high, Value inside) {
    Values call(buffers);
    call.append({scratch, batch, query, rows, keyStart, low, high});
    auto plain = [&] {
      if (edits()) e.call(tile.editName(false), call);
      return Values{};
    };
    auto masked = [&] {
      e.call(tile.editName(true), call);
      return Values{};
    };
    if (!hasMask()) plain();
    else if (inside) e.choose(inside, TypeRange{}, plain, masked);
    else masked();
  }

  // outs[1], for all keys: dead ones get their zeros.
  void walkWeights(Value t, Value blockQuery) {
    Value query = firstQuery(t), rows = e.sub(firstQuery(e.add(t, 1)), query), tileRow = e.sub(query, blockQuery);
    auto loop = scf::ForOp::create(e.b, e.loc, e.constant(0), keys, keyBlock);
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPoint(loop.getBody()->getTerminator());
    Value keyStart = loop.getInductionVar(), low = e.constant(0), high = e.min(keyBlock, e.sub(keys, keyStart));
    callScores(query, tileRow, rows, keyStart, low, high);
    Values call(buffers);
    call.append({scratch, batch, query, rows, keyStart, low, high});
    if (hasMask() || edits()) e.call(tile.editName(hasMask()), call);
    Values weights(buffers);
    weights.append({scratch, batch, query, rows, keyStart, high, tileRow});
    e.call(tile.name("weights"), weights);
  }

  // ---- the mask's bounds ----

  Value valueOf(const tile::IntegerSum& sum) {
    Value value = e.dim(sum.constant);
    Place place(e, buffers);
    place.set('b', batch);
    for (auto [digit, factor] : llvm::enumerate(sum.digits))
      if (factor) value = e.add(value, e.mul(place.digit(int(digit)), factor));
    for (auto [operand, factor] : sum.elements) {
      Value element = e.loadScalar(buffers[operand], place.address(kernel.ins[operand]));
      element = arith::IndexCastOp::create(e.b, e.loc, e.index, element);
      value = e.add(value, e.mul(element, factor));
    }
    return value;
  }

  tile::KeyRanges rangesOf(Value first, Value end) {
    return tile::keyRanges(e, mask, first, end, keys, [&](const tile::IntegerSum& sum) { return valueOf(sum); });
  }

  // Of queries [query, query + rows) and keys [first, end), where bounds do not say everything.
  std::optional<tile::Verdict> judge(Value query, Value rows, Value first, Value end) {
    Place place(e, buffers);
    place.set('b', batch);
    std::vector<tile::Range> digits(kernel.digits.size());
    auto spread = [&](char role, tile::Range whole) {
      Values extents;
      for (int digit : kernel.withRole(role)) extents.push_back(e.dim(kernel.digits[digit].extent));
      for (auto [digit, range] : llvm::zip(kernel.withRole(role), tile::digitRanges(e.b, whole, extents)))
        digits[digit] = range;
    };
    tile::Range queryRange{query, e.sub(e.add(query, rows), e.constant(1))}, keyRange{first, e.sub(end, e.constant(1))};
    spread('i', queryRange);
    spread('j', keyRange);
    for (int digit : kernel.withRole('b')) digits[digit] = {place.digit(digit), place.digit(digit)};
    auto digit = [&](int n) { return digits[n]; };
    auto extent = [&](const Dim& dim) { return e.dim(dim); };
    auto elements = [&](int operand) { return elementRange(operand, queryRange, keyRange); };
    return tile::judgeMask(kernel, op.getMask(), {e.b, digit, extent, elements});
  }

  // Where they depend on the query or on the key only.
  std::optional<tile::Range> elementRange(int operand, const tile::Range& queryRange, const tile::Range& keyRange) {
    const tile::Access& access = kernel.ins[operand];
    auto varies = [&](char role) { return tile::strideAlong(kernel, access, role) != Dim(0); };
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
    Values ends = e.loop(e.add(along.low, 1), e.add(along.high, 1), 1, {start, start}, [&](Value n, ValueRange so) {
      Value x = elementAt(std::pair{role, n});
      return Values{e.min(so[0], x), e.max(so[1], x)};
    });
    return tile::Range{ends[0], ends[1]};
  }
};

}  // namespace

Lowering lowerAttention(const tile::Kernel& kernel, const Target& target, ModuleOp module) {
  return Attention(kernel, target, module).lower();
}

}  // namespace heed::cpu
