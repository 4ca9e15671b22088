// The parts of a contraction's lowering: how it is blocked and called (contract_blocking.cpp), what
// happens in one tile of rows x panel (contract_tile.cpp), and the function that walks them
// (contract.cpp).
#pragma once
#include "heed/compiler/lower/cpu/emit.h"
#include "heed/compiler/lower/cpu/panels.h"
#include "heed/compiler/lower/cpu/row_runs.h"

namespace heed::cpu {

// C [m, n] = A [m, k] B [k, n] for each index of the batch digits and for each part of B's columns;
// a panel's parts lie one after another, their sums of a tile wait together for the epilogue. The m
// rows are cut into equal tiles of at most `rows` rows, the tiles into row blocks. k is summed up in
// blocks: a row block's part of A stays in cache while all panels of B pass by, and what is summed
// up so far waits in the scratch.
struct ContractBlocking {
  explicit ContractBlocking(const tile::Kernel& kernel, const Target& target);

  Dim batch, m, n, k;
  std::int64_t parts;
  int rows;                             // most rows of a tile
  int vectors;                          // of a whole panel
  std::int64_t width;                   // columns of a panel
  std::int64_t depth;                   // k is summed up in blocks of this
  std::int64_t blockTiles;              // most tiles of a row block
  // so that the work can be shared out, if there are as many tiles
  std::int64_t leastBlocks;
  // Rows of A that do not fit into one block are shared out by blocks of that many tiles at least,
  // so that no thread reads all of them again for a few panels; and by no more than half a block,
  // which stays in L2 whoever else uses the core.
  static constexpr std::int64_t shared_blocks = 8, shared_tiles = 16;
  bool sharesBlocks = false;
  llvm::SmallVector<std::int64_t> heights;  // of tiles that can occur
  bool weights;                         // B comes packed
  // A is read by them; k blocks are whole ones, or parts of one
  std::optional<RowRuns> runs;
  bool keepsB = false;                  // all of it stays in L2 while small row blocks pass by
  // Then each tile fetches the rows of A that come next instead of a part of B, where they lie one
  // after another and are more than B.
  bool fetchesA = false;
  bool packsA;                          // A is neither rows nor runs of contiguous f32
  int tailVectors;                      // of the last panel, 0 where it is whole or n is not static
  int tailSumVectors;                   // of its tiles, which may reach beyond n
  // Each tile fetches a part of the panel that comes next, which waits in the last cache or in
  // memory: an equal share of the row block's tiles, but at most one of so many. What is fetched
  // faster fills the buffers that loads from L2 need, too.
  static constexpr std::int64_t fetch_parts = 8;
  bool exactWork;                       // work items are counted when compiling
  std::int64_t groupPanels;             // whose sums wait together where k comes in blocks
  // where b[batch, panel · parts + part, k] lies in what is read,
  Dim panelStride, batchStride, panelOffset;
  std::int64_t depthStride;             // for one step of k

  std::int64_t tiles(std::int64_t m) const { return (m + rows - 1) / rows; }
  std::int64_t sharedTiles() const { return (blockTiles + 1) / 2; }  // at most
  std::int64_t rowBlocks(std::int64_t tiles) const;
  Dim panels() const;                   // static n only
  // The number of items (batch, panel, row block) where it is known when compiling, otherwise
  // something proportional; and the least of it worth a thread.
  Dim work() const;
  std::int64_t grain() const;
  bool inBlocks() const { return !k.is_static() || k.constant > depth; }
  // elements
  std::int64_t partSums() const { return rows * width; }
  std::int64_t tileSums() const { return parts * partSums(); }
  std::int64_t blockRows() const { return blockTiles * rows; }  // at most
  bool preparesA() const { return packsA || runs; }  // for each row block
  bool copiesA() const { return packsA || (runs && runs->padded); }

 private:
  void setDepth();
  void keepB(const tile::Kernel& kernel, const Target& target);
  void setPanelLayout(const tile::Kernel& kernel);
};

// Rows of A that are met by panels of B several at a time: too few to hide the latency of sums, and
// bound by memory.
struct WideTile {
  int height, panels;
};
constexpr WideTile wide_tiles[] = {{1, 4}, {2, 2}};

// Bytes of the scratch memory's parts, in this order: sums of a tile, panels of B, offsets of A's
// runs, rows or lines of A.
struct ContractScratch {
  ContractScratch(const ContractBlocking& blocking, int lanes);
  Dim sums = Dim(0), panels = Dim(0), offsets = Dim(0), rows = Dim(0);
};

tile::Launch launchOf(const tile::Kernel& kernel, std::vector<Dim> dims,
                      const ContractBlocking& blocking, const ContractScratch& scratch);

struct ContractTile {
  Emit& e;
  const ContractBlocking& blocking;

  // Shared function: S [panels, height, width] = A [height, k] · panels of B for k in [low, high),
  // added to S unless low is 0.
  //   (A, B, S, address of A's first row, of the first panel, in S, low, high, from one row to the
  //    next, what to fetch from B (or A, see fetchesA) or, of several panels, from one to the next,
  //    elements to fetch a step)
  // By runs:
  //   (A, B, S, index of the first row in the offsets, of the first panel, in S, low, high,
  //    elements of a run, what to fetch or from one panel to the next, elements to fetch a step,
  //    offsets of emitRowRuns, index of the runs in them)
  void emitSum(int height, int vectors, int panels);
  Dim rowStride() const;
  std::string sumName(int height, int vectors, int panels) const;
  // Function "<kernel>.finish[.tail]": C = epilogue(S) for some rows of one panel.
  //   (ins..., outs..., S, batch, first row, rows, first column, address of S, from one part's sums
  //    to the next)
  mlir::LogicalResult emitFinish(bool tail);
  std::string finishName(bool tail) const;
  // Function "<kernel>.fetch": brings near what the epilogue will read and write for some rows of
  // one panel: a tile's rows lie apart, and no prefetcher of the machine follows.
  //   (ins..., outs..., batch, first row, rows, first column)
  void emitFetch();
  std::string fetchName() const { return e.kernel.name + ".fetch"; }
  // Function "<kernel>.rows": dense A [rows, k], through the prologue.
  //   (ins..., outs..., A, batch, first row, rows)
  mlir::LogicalResult emitPackRows();
  std::string packRowsName() const;
  // The same where A is read by runs: (ins..., outs..., padded lines, batch, first row, rows,
  // offsets)
  void emitRuns();
  // Function "<kernel>.panel". (ins..., outs..., B, batch, panel, part, address in B)
  void emitPackPanel();
  std::string packPanelName() const;

 private:
  // What emitSum is given, and the size of its tile.
  struct Sum {
    Value a, b, s, row, panel, at, low, high, rowStride, beside, fetched;
    int height, vectors, panels;
    Value offsets, runs;                // where A is read by runs
  };
  Values sumOverDepth(const Sum& sum);
  Values sumOverRuns(const Sum& sum);
  // sums += A's [low, high) · B's, from each row's address, the panel's, and what step low fetches
  Values sumRange(const Sum& sum, ValueRange rows, Value panel, Value ahead, Value low, Value high,
                  ValueRange sums);
  bool fetches(int panels) const { return blocking.weights && panels == 1; }
  // Many rows would take too many registers for their addresses, were their distance an argument.
  bool knowsStride(int height) const { return height > 8 && rowStride().is_static(); }
  llvm::SmallVector<Type> kernelBuffers(std::initializer_list<Type> more);
};

}  // namespace heed::cpu
