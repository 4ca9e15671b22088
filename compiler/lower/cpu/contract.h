// The parts of a contraction's lowering: how it is blocked (contract_blocking.cpp), what happens in one tile of
// rows x panel (contract_tile.cpp), and the function that walks them (contract.cpp).
#pragma once
#include "heed/compiler/lower/cpu/emit.h"
#include "heed/compiler/lower/cpu/panels.h"

namespace heed::cpu {

// C [m, n] = A [m, k] B [k, n] for each index of the batch digits. The m rows are cut into equal tiles of at most `rows`
// rows, the tiles into row blocks whose rows of A stay in cache while all panels of B pass by.
struct ContractBlocking {
  explicit ContractBlocking(const tile::Kernel& kernel, const Target& target);

  Dim batch, m, n, k;
  int rows;                             // most rows of a tile
  int vectors;                          // of a whole panel
  std::int64_t width;                   // columns of a panel
  std::int64_t depth;                   // k is summed up in blocks of this
  std::int64_t blockTiles;              // most tiles of a row block
  std::int64_t leastBlocks;             // so that the work can be shared out, if there are as many tiles
  llvm::SmallVector<std::int64_t> heights;  // of tiles that can occur
  bool weights;                         // B comes packed
  bool packsA;                          // A is not rows of contiguous f32
  int tailVectors;                      // of the last panel, 0 where it is whole or n is not static
  // A tile fetches one of so many parts of the panel that comes next: each panel waits in the last cache or in memory.
  static constexpr std::int64_t fetch_parts = 4;
  bool exactWork;                       // work items are counted when compiling
  Dim depthStride, panelStride, batchStride, panelOffset;  // where b[batch, panel, k] lies in what is read

  std::int64_t tiles(std::int64_t m) const { return (m + rows - 1) / rows; }
  std::int64_t rowBlocks(std::int64_t tiles) const;
  Dim panels() const;                   // static n only

 private:
  void setPanelLayout(const tile::Kernel& kernel);
};

struct ContractTile {
  Emit& e;
  const ContractBlocking& blocking;

  // Function "<kernel>.sum<height>[x<panels>]": S [panels, height, width] = A [height, k] · panels of B.
  //   (A, B, S, address of A's first row, of the first panel, of what is fetched from B meanwhile)
  void emitSum(int height, int vectors, int panels);
  std::string sumName(int height, int vectors, int panels) const;
  // Function "<kernel>.finish[.tail]": C = epilogue(S) for some rows of one panel.
  //   (ins..., outs..., S, batch, first row, rows, first column, address of S)
  mlir::LogicalResult emitFinish(bool tail);
  std::string finishName(bool tail) const;
  // Function "<kernel>.rows": dense A [rows, k], through the prologue. (ins..., outs..., A, batch, first row, rows)
  mlir::LogicalResult emitPackRows();
  std::string packRowsName() const;
  // Function "<kernel>.panel". (ins..., outs..., B, batch, panel, address in B)
  void emitPackPanel();
  std::string packPanelName() const;

 private:
  Values sumOverDepth(Value a, Value b, ValueRange rowAddresses, Value panel, Value ahead, Value low, Value high,
                      int vectors, int panels);
  llvm::SmallVector<Type> kernelBuffers(std::initializer_list<Type> more);
};

}  // namespace heed::cpu
