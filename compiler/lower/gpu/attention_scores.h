// Scores of a tile of queries and a block of keys, which meet in workgroup memory: there a few
// invocations a row find the row's largest and the weights. What scores, masks and softmax mean is
// tile::OnlineSoftmax's and the regions' business.
#pragma once
#include "heed/compiler/lower/gpu/attention_tiles.h"
#include "heed/compiler/lower/gpu/point.h"
#include "heed/compiler/lower/tile/masks.h"
#include "heed/compiler/lower/tile/online_softmax.h"

namespace heed::gpu {

class AttentionScores {
 protected:
  AttentionScores(const tile::Kernel& kernel, const Target& target, mlir::ModuleOp module);

  const tile::Kernel& kernel;
  Simt e;
  ir::AttentionOp op;
  tile::OnlineSoftmax softmax;
  tile::MaskClasses mask;
  Dim i, j;
  AttentionTiles tiles;
  std::int64_t members;     // invocations that share a row's softmax
  Value fours;              // workgroup memory, as `tiles` shares it out
  Value batch, firstQuery;  // of the tile at hand
  Value statRow, member;    // of this invocation
  Value perRow;             // a word of workgroup memory each

  // Takes workgroup memory. In front of all that follows.
  void begin();

  // What lies beyond the last one reads the last one.
  Point pointAt(char role, Value number);
  // Of the tile's queries.
  tile::KeyRanges ranges();

  Tile scoresTile() { return Tile(e, tiles.queries, tiles.keys, tiles.across); }
  // The four of scores with a column that is a multiple of 4.
  Value scoresAt(Value row, Value column);
  // Of the products' tile, edited and masked; ends with a barrier.
  void putScores(ValueRange products, Value firstKey, const tile::KeyRanges& range);
  // Scores become weights, sums so far shrink where a larger score came. so, and what is returned:
  // the row's largest, this invocation's part of its total, sums. Ends with a barrier.
  Values weigh(Tile& sums, ValueRange so);

  // This invocation's fours of its row of scores: where they lie, their first column.
  Values overOwn(ValueRange carried,
                 llvm::function_ref<Values(Value at, Value column, ValueRange)> body);
  // Over the members of a row, the same for all of them.
  Value together(Value own, Value neutral, llvm::function_ref<Value(Value, Value)> combine);
  void keep(Value x);  // a member's x in perRow

 private:
  void edit(Tile& scores, Value firstKey, const tile::KeyRanges& range);

  Value partial;  // a word of workgroup memory an invocation
};

}  // namespace heed::gpu
