// What attention's walk calls: every function of AttentionTile with the arguments it has for a
// tile, kept apart from the order in which tiles are come to (attention.cpp).
#pragma once
#include "heed/compiler/lower/cpu/attention.h"
#include "heed/compiler/lower/cpu/attention_mask.h"

namespace heed::cpu {

class AttentionCalls {
 protected:
  AttentionCalls(const tile::Kernel& kernel, const Target& target, mlir::ModuleOp module);

  // Of queries [query, query + rows), the first of them the tileRow-th of its block.
  struct Tile {
    Value query, rows, tileRow;
    Value kept;  // the first one's row among those of which something is kept
    Value turn;  // of a batch index's pairs of a tile and a block of keys, how many came before
  };
  // Keys [low, high), counted from `start`. Of [aliveLow, aliveHigh), whole vectors, none is to be
  // masked; null: not known.
  struct Keys {
    Value start, low, high, aliveLow = {}, aliveHigh = {};
  };

  // The functions that are called below.
  mlir::LogicalResult emitParts();

  bool hasMask() { return !op.getMask().empty(); }
  bool hasWeights() const { return kernel.outs.size() > 1; }
  AttentionMask seen() { return {e, mask, op.getMask(), buffers, batch, keys}; }

  // A counter of the profile, in the first bytes of the scratch.
  void count(std::int64_t counter, Value more);
  // Keys [packedLow, packedHigh), but for those that lie there; where it is another batch index
  // than before, lists what the next one needs.
  void pack();
  void packQueries(Value query, Value rows);
  void few(Value query, Value rows);
  void scores(const Tile& t, const Keys& k);
  // Scores become weights. inside: nothing is to be masked; null: not known.
  void softmax(const Tile& t, const Keys& k, Value isFirst, Value inside);
  void addValues(const Tile& t, const Keys& k, Value isFirst);
  void clear(const Tile& t);
  void finish(const Tile& t);
  void weights(const Tile& t, const Keys& k);

  const tile::Kernel& kernel;
  ir::AttentionOp op;
  Emit e;
  tile::MaskClasses mask;
  AttentionBlocking blocking;
  AttentionTile tile;

  // Values of the walk.
  KernelArguments arguments;
  ValueRange buffers;  // ins, then outs
  Value queries, keys, tiles, keyBlock;
  // of packed keys and values, and of those that are read, packed or not
  Value scratch, packed, keyRows, values;
  Value ahead;  // the list, where there is one
  // Of the current batch index: addresses of its keys and values, and the keys [packedLow,
  // packedHigh) that are packed.
  Value batch, firstKey, firstValue, packedLow, packedHigh;

 private:
  // Somebody must look at the scores before softmax.
  bool edits() const;
  void edit(const Tile& t, const Keys& k, bool masked);
  void editBesideAlive(const Tile& t, const Keys& k);
  // `masked` unless it is known that nothing is to be masked.
  void byMask(Value inside, llvm::function_ref<void(bool masked)> call);
  // Where queries are read, and from which address on.
  Value queryRows() { return blocking.packsQueries ? scratch : buffers[0]; }
  Value queryAddress(Value query, Value tileRow);
  // Behind the arguments of products: of a tile's turn its loops over features fetch the first
  // rows, those over keys the last ones.
  void addAhead(Values& arguments, Value turn, bool last);
  void listAhead();
  void call(const std::string& function, llvm::ArrayRef<Value> arguments);  // behind the buffers
};

}  // namespace heed::cpu
