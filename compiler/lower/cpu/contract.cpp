// heed.contract: matrix products of any batch, with a prologue on A's elements and an epilogue on
// C's. Here: the function that walks over tiles.
//
// Work items are (batch, panel, row block), never parts of k, so the result does not depend on how
// they are shared out. A's rows are read where they lie if they or their runs are contiguous,
// otherwise packed once a row block; B comes in panels, or each is packed once for its batch index.
#include "heed/compiler/lower/cpu/contract.h"
#include "heed/compiler/lower/cpu/kinds.h"
#include "heed/compiler/lower/cpu/place.h"

using namespace mlir;

namespace heed::cpu {

namespace {

class Contract {
 public:
  Contract(const tile::Kernel& kernel, const Target& target, ModuleOp module)
      : kernel(kernel),
        e(kernel, target, module),
        blocking(kernel, target),
        scratch(blocking, e.lanes()),
        tile{e, blocking} {}

  Lowering lower() {
    if (failed(emitParts())) return failure();
    emitWalk();
    return tile::Lowered{{launchOf(kernel, e.dims(), blocking, scratch)}, {}};
  }

 private:
  const tile::Kernel& kernel;
  Emit e;
  ContractBlocking blocking;
  ContractScratch scratch;
  ContractTile tile;

  // Values of the walk.
  KernelArguments arguments;
  // largerTiles have tileRows + 1 rows
  Value rows, columns, tiles, tileRows, largerTiles, panels, rowBlocks;
  Value sums, rowsOfA, panelsOfB, offsets;  // parts of the scratch
  Value batch;
  Value share;  // elements of B that the tiles of this row block fetch a step

  bool has(int height) const { return llvm::is_contained(blocking.heights, height); }
  // As many of them as have all their parts; 0: none.
  int widePanels(WideTile wide) const {
    const bool possible = blocking.weights && has(wide.height);
    return possible ? int(wide.panels / blocking.parts * blocking.parts) : 0;
  }

  LogicalResult emitParts() {
    for (int64_t height : blocking.heights) {
      tile.emitSum(int(height), blocking.vectors, 1);
      if (blocking.tailVectors) tile.emitSum(int(height), blocking.tailSumVectors, 1);
    }
    for (WideTile wide : wide_tiles)
      if (int panels = widePanels(wide)) tile.emitSum(wide.height, blocking.vectors, panels);
    if (!blocking.weights) tile.emitPackPanel();
    if (blocking.packsA && failed(tile.emitPackRows())) return failure();
    if (blocking.runs) tile.emitRuns();
    tile.emitFetch();
    if (blocking.tailVectors && failed(tile.emitFinish(true))) return failure();
    return tile.emitFinish(false);
  }

  // ---- the walk ----

  // The work's [0, begin) are the items' [0, firstItem(begin)). Rounded up: an eighth of the work,
  // rounded down, is an eighth of the row blocks.
  Value firstItem(Value begin, Value items) {
    return blocking.exactWork ? begin : e.ceilDivide(e.mul(begin, items), e.dim(blocking.work()));
  }

  void emitWalk() {
    llvm::SmallVector<Type> types;
    for (const tile::Access& access : kernel.ins) types.push_back(e.bufferType(access));
    for (const tile::Access& access : kernel.outs) types.push_back(e.bufferType(access));
    arguments = e.beginKernel(kernel.name, types);
    prepareWalk();
    Value each = e.mul(panels, rowBlocks), items = e.mul(each, e.dim(blocking.batch));
    Value first = firstItem(arguments.begin, items), last = firstItem(arguments.end, items);
    auto ofBatch = [&](Value b) {
      batch = b;
      Value before = e.mul(b, each);
      walkBatch(e.max(e.sub(first, before), e.constant(0)), e.min(e.sub(last, before), each));
    };
    if (blocking.batch == Dim(1)) ofBatch(e.constant(0));
    else e.loop(e.divide(first, each), e.ceilDivide(last, each), 1, ofBatch);
    e.finishKernel();
  }

  void prepareWalk() {
    rows = e.dim(blocking.m);
    columns = e.dim(blocking.n);
    tiles = e.ceilDivide(rows, blocking.rows);
    tileRows = e.divide(rows, tiles);
    largerTiles = e.sub(rows, e.mul(tileRows, tiles));
    panels = e.ceilDivide(columns, blocking.width);
    rowBlocks = e.ceilDivide(tiles, blocking.blockTiles);
    if (blocking.sharesBlocks) {
      Value shared = e.divide(tiles, ContractBlocking::shared_tiles);
      shared = e.min(shared, e.constant(ContractBlocking::shared_blocks));
      shared = e.max(shared, e.ceilDivide(tiles, blocking.sharedTiles()));
      rowBlocks = e.select(e.equal(rowBlocks, e.constant(1)), rowBlocks, shared);
    }
    rowBlocks = e.max(rowBlocks, e.min(tiles, e.constant(blocking.leastBlocks)));
    sums = e.view(arguments.scratch, e.constant(0), e.f32);
    if (!blocking.weights) panelsOfB = e.view(arguments.scratch, e.dim(scratch.sums), e.f32);
    Dim used = scratch.sums + scratch.panels;
    if (blocking.runs) offsets = e.view(arguments.scratch, e.dim(used), e.index);
    if (blocking.copiesA())
      rowsOfA = e.view(arguments.scratch, e.dim(used + scratch.offsets), e.f32);
  }

  Value firstRow(Value tile) { return e.add(e.mul(tile, tileRows), e.min(tile, largerTiles)); }
  Value firstTile(Value rowBlock) { return e.divide(e.mul(rowBlock, tiles), rowBlocks); }

  // Items [low, high) of the current batch index. Panels run fastest over the items, so that a
  // thread has few row blocks to bring near or to pack, and all panels of B, which are fetched
  // ahead, pass by them; row blocks where it is panels that are packed.
  void walkBatch(Value low, Value high) {
    bool panelsFastest = blocking.preparesA() || blocking.weights;
    if (!blocking.weights)
      packPanels(panelsFastest ? e.constant(0) : e.divide(low, rowBlocks),
                 panelsFastest ? panels : e.ceilDivide(high, rowBlocks));
    if (panelsFastest) {
      e.loop(e.divide(low, panels), e.ceilDivide(high, panels), 1, [&](Value block) {
        Value before = e.mul(block, panels);
        walkBlock(block, e.max(e.sub(low, before), e.constant(0)),
                  e.min(e.sub(high, before), panels));
      });
      return;
    }
    e.loop(e.constant(0), rowBlocks, 1, [&](Value block) {
      Value past = e.sub(rowBlocks, e.add(block, 1));  // item panel·rowBlocks + block ≥ low
      walkBlock(block, e.divide(e.add(low, past), rowBlocks),
                e.divide(e.add(high, past), rowBlocks));
    });
  }

  void packPanels(Value first, Value last) {
    e.loop(first, last, 1, [&](Value panel) {
      forEachPart([&](Value part) {
        Values call(arguments.buffers);
        call.append({panelsOfB, batch, panel, part, panelAddress(panel, part)});
        e.call(tile.packPanelName(), call);
      });
    });
  }

  // Panels [first, last) of one row block.
  void walkBlock(Value block, Value first, Value last) {
    Value low = firstTile(block), high = firstTile(e.add(block, 1));
    share = e.min(e.ceilDivide(e.constant(blocking.width), e.sub(high, low)),
                  e.constant(blocking.width / ContractBlocking::fetch_parts));
    if (blocking.preparesA()) {
      Values call(arguments.buffers);
      Value from = firstRow(low);
      call.append({blocking.copiesA() ? rowsOfA : sums, batch, from, e.sub(firstRow(high), from)});
      if (blocking.runs) call.push_back(offsets);
      e.call(tile.packRowsName(), call);
    }
    for (WideTile wide : wide_tiles)
      if (int across = widePanels(wide)) first = walkWide(wide.height, across, first, last);
    if (!blocking.inBlocks())
      return forEachPanel(first, last, [&](Value panel, bool tail) {
        e.loop(low, high, 1, [&](Value t) {
          fetchTileOf(t, panel);
          sumTileOf(t, low, panel, tail, e.constant(0), e.constant(0), e.dim(blocking.k));
          finishTileOf(t, panel, tail, e.constant(0));
        });
      });
    e.loop(first, last, blocking.groupPanels, [&](Value group) {
      Value end = e.min(e.add(group, blocking.groupPanels), last);
      auto forEachTile = [&](llvm::function_ref<void(Value, Value, bool, Value)> body) {
        forEachPanel(group, end, [&](Value panel, bool tail) {
          Value at = e.mul(e.sub(panel, group), blocking.blockTiles);
          e.loop(low, high, 1, [&](Value t) {
            body(t, panel, tail, e.mul(e.add(at, e.sub(t, low)), blocking.tileSums()));
          });
        });
      };
      forEachDepth([&](Value from, Value to) {
        forEachTile([&](Value t, Value panel, bool tail, Value at) {
          sumTileOf(t, low, panel, tail, at, from, to);
        });
      });
      forEachTile(
          [&](Value t, Value panel, bool tail, Value at) { finishTileOf(t, panel, tail, at); });
    });
  }

  void forEachPanel(Value first, Value last, llvm::function_ref<void(Value, bool)> body) {
    Value whole = blocking.tailVectors ? e.min(last, e.divide(columns, blocking.width)) : last;
    e.loop(first, whole, 1, [&](Value panel) { body(panel, false); });
    if (blocking.tailVectors)
      e.loop(e.max(first, e.divide(columns, blocking.width)), last, 1,
             [&](Value panel) { body(panel, true); });
  }
  void forEachDepth(llvm::function_ref<void(Value, Value)> body) {
    Value k = e.dim(blocking.k);
    if (!blocking.inBlocks()) return body(e.constant(0), k);
    e.loop(e.constant(0), k, blocking.depth,
           [&](Value from) { body(from, e.min(e.add(from, blocking.depth), k)); });
  }

  // As many groups of whole panels as fit, if m is that small. Returns the first panel left over.
  Value walkWide(int height, int across, Value first, Value last) {
    last = e.min(last, e.divide(columns, blocking.width));
    const int64_t panels = across / blocking.parts, sums = height * blocking.width;
    Value groups = e.divide(e.max(e.sub(last, first), e.constant(0)), e.constant(panels));
    groups = e.select(e.equal(rows, e.constant(height)), groups, e.constant(0));
    Value end = e.add(first, e.mul(groups, panels));
    e.loop(first, end, panels, [&](Value panel) {
      Value zero = e.constant(0);
      forEachDepth([&](Value from, Value to) {
        sumTile(height, blocking.vectors, across, zero, panelAddress(panel, zero), zero, zero, from,
                to, zero, zero);
      });
      for (int64_t p = 0; p < panels; ++p)
        finishTile(e.add(panel, p), zero, e.constant(height),
                   e.constant(p * blocking.parts * sums), sums, false);
    });
    return end;
  }

  // Tile t of a row block that starts with tile `low`; its sums lie at `at`.
  void sumTileOf(Value t, Value low, Value panel, bool tail, Value at, Value from, Value to) {
    Value row = firstRow(t);
    Value height = e.sub(firstRow(e.add(t, 1)), row);
    forEachPart([&](Value part) {
      Value own = e.add(at, e.mul(part, blocking.partSums()));
      e.switchOn(height, blocking.heights, [&](int64_t h) {
        sumTile(int(h), tail ? blocking.tailSumVectors : blocking.vectors, 1, row,
                panelAddress(panel, part), firstRow(low), own, from, to,
                blocking.fetchesA ? addressOfRow(e.add(row, h))
                                  : fetchedBy(t, low, panel, part, from, to),
                blocking.fetchesA ? e.constant(h) : share);
      });
    });
  }
  void fetchTileOf(Value t, Value panel) {
    Value row = firstRow(t);
    Values call(arguments.buffers);
    call.append({batch, row, e.sub(firstRow(e.add(t, 1)), row), e.mul(panel, blocking.width)});
    e.call(tile.fetchName(), call);
  }
  void finishTileOf(Value t, Value panel, bool tail, Value at) {
    Value row = firstRow(t);
    finishTile(panel, row, e.sub(firstRow(e.add(t, 1)), row), at, blocking.partSums(), tail);
  }

  // What the tile fetches from step `from` on: of the panel that comes next, which is the first one
  // again after the last, for the next steps of k or for the next row block.
  Value fetchedBy(Value t, Value low, Value panel, Value part, Value from, Value to) {
    Value shares = e.ceilDivide(e.constant(blocking.width), share);
    Value own = e.min(e.sub(t, low), e.sub(shares, e.constant(1)));
    Value next = e.add(panel, 1), ends = e.equal(next, panels), first = e.constant(0), step = from;
    if (blocking.inBlocks())
      step = e.select(ends, e.select(e.below(to, e.dim(blocking.k)), to, first), from);
    Value at = e.add(panelAddress(e.select(ends, first, next), part),
                     e.mul(step, blocking.depthStride));
    return e.add(at, e.mul(own, e.mul(e.sub(to, from), share)));
  }

  void sumTile(int height, int vectors, int across, Value row, Value panelAt, Value blockRow,
               Value at, Value from, Value to, Value ahead, Value fetched) {
    Value a = blocking.copiesA() ? rowsOfA : arguments.buffers[0];
    Value b = blocking.weights ? arguments.buffers[1] : panelsOfB, address;
    if (blocking.runs) {
      address = e.sub(row, blockRow);
    } else if (blocking.packsA) {
      address = e.mul(e.sub(row, blockRow), e.dim(blocking.k));
    } else {
      address = addressOfRow(row);
    }
    Value beside = across > 1 ? e.dim(blocking.panelStride) : ahead;
    Value stride = blocking.runs ? e.constant(blocking.runs->length) : e.dim(tile.rowStride());
    Values call{a, b, sums, address, panelAt, at, from, to, stride, beside, fetched};
    if (blocking.runs) call.append({offsets, e.constant(blocking.blockRows())});
    e.callShared(tile.sumName(height, vectors, across), call);
  }

  void forEachPart(llvm::function_ref<void(Value)> body) { e.loop(0, blocking.parts, 1, body); }

  Value addressOfRow(Value row) {  // of A where it is read in place
    Place place(e, arguments.buffers);
    place.set('b', batch);
    place.set('m', row);
    return place.address(kernel.ins[0]);
  }
  Value panelAddress(Value panel, Value part) {
    panel = e.add(e.mul(panel, blocking.parts), part);
    Value at = e.add(e.mul(panel, e.dim(blocking.panelStride)), e.dim(blocking.panelOffset));
    return blocking.weights ? e.add(at, e.mul(batch, e.dim(blocking.batchStride))) : at;
  }

  void finishTile(Value panel, Value row, Value height, Value at, int64_t partSums, bool tail) {
    Values call(arguments.buffers);
    call.append({sums, batch, row, height, e.mul(panel, blocking.width), at, e.constant(partSums)});
    e.call(tile.finishName(tail), call);
  }
};

}  // namespace

Lowering lowerContract(const tile::Kernel& kernel, const Target& target, ModuleOp module) {
  return Contract(kernel, target, module).lower();
}

}  // namespace heed::cpu
