// The parts of attention's lowering: sizes (attention_blocking.cpp), what happens to one tile of
// queries and one block of keys (products in attention_scores.cpp, scores to softmax in
// attention_softmax.cpp, sums and results in attention_values.cpp, all at once in
// attention_few_keys.cpp), packing (attention_pack.cpp), and the walk (attention.cpp), which calls
// these by attention_calls.h.
#pragma once
#include "heed/compiler/lower/cpu/emit.h"
#include "heed/compiler/lower/cpu/panels.h"
#include "heed/compiler/lower/tile/masks.h"

namespace heed::cpu {

// Sizes are functions of shape and target alone. Packed keys are panels [panel][e][width], packed
// values rows [key][valueStride]. Offsets are in f32 elements of the scratch, which begins with
// AttentionState of runtime/abi/kernel.h where some of it is needed.
struct AttentionBlocking {
  AttentionBlocking(const tile::Kernel& kernel, const tile::MaskClasses& mask,
                    const Target& target);

  Dim batch, queries, keys;
  std::int64_t features = 0, values = 0;     // extents of e and d
  int rows;                                  // most queries of a tile
  int vectors;                               // of a panel of keys
  int panelRows;                             // whose scores of a panel are in registers, at most
  int valueVectors, valueRows;               // of sums of values in registers together, at most
  std::int64_t width;                        // keys of a panel
  llvm::SmallVector<int> rests;              // vectors of keys that can be left behind whole panels
  // of the last vector of these, or of the only block's panels, no more than half holds keys
  bool halfRest;
  // most keys whose scores are alive at a time, whole panels
  std::int64_t keyBlock;
  std::int64_t blockTiles;                   // most tiles of a query block
  llvm::SmallVector<std::int64_t> heights;   // of tiles that can occur
  std::int64_t fewQueries;                   // below this many, tiles are single rows; 0: never
  std::int64_t valueStride;                  // d, rounded up to vectors
  std::int64_t scoreStride;                  // of a row of scores in the scratch
  bool packsQueries;                         // they are not rows of contiguous f32
  // they lie as if they were packed, or one query alone or queries one by one read them
  bool keysInPlace, valuesInPlace;
  Dim keyRow, valueRow;                      // from a key, or its values, to the next one's
  // keys, values or the list below: by each thread once for a batch index
  bool packsOnce;
  // What the batch index that comes next reads and writes is listed row by row and fetched by the
  // loops over features and keys, a few lines a turn: a core has few buffers for lines on their
  // way, and in bursts these stop it.
  struct Ahead {
    std::int64_t rows = 0;              // listed; 0: nothing is fetched
    bool queries, results;              // beside keys and values
    std::int64_t lines, linesPerTurn;   // of a row; fetched
    std::int64_t scoreRows = 0, valueRows = 0;  // that one loop over features covers, or over keys
    std::int64_t valueShare;            // of rows, that a tile's loops over keys cover
  } ahead;
  // the next tile's queries while this one's are multiplied, for which a panel of keys is too short
  bool fetchesQueries() const {
    return !packsQueries && !ahead.queries && !(keys.is_static() && keys.constant <= width);
  }
  // all keys of a query at once: few, none to be skipped, no weights asked for
  bool wholeRows;
  // At most four keys, no weights asked for: queries one by one.
  static constexpr std::int64_t mostFewKeys = 4;
  bool fewKeys;
  // One block of keys is all: what is kept of a row, its tile is done with at once.
  bool oneKeyBlock;
  bool editsScores;                          // the score region does something
  // whose indices may be out of bounds; then [failedAt] becomes 1
  bool checksLookups;
  std::int64_t failedAt, scoresAt, sumsAt, largestAt, totalAt, queriesAt, aheadAt, packedAt;

  // A turn of loops over features and keys. They are short: what surrounds a step counts. But of
  // more steps with many sums LLVM moves all loads to the front, for which registers are missing.
  std::int64_t steps;

  std::int64_t queryRows() const { return blockTiles * rows; }
  std::int64_t keptRows() const { return oneKeyBlock ? rows : queryRows(); }
  // Of the parts that tiles are cut into, equal ones of at most `most` rows.
  llvm::SmallVector<std::int64_t> partHeights(std::int64_t most) const;
  std::int64_t staticTiles() const;  // of a batch index
  std::int64_t staticQueryBlocks() const;
  std::int64_t staticKeyBlocks() const;
  // Of a tile: loops over features a panel of keys has, over keys a column of values.
  std::int64_t scoreParts(std::int64_t height) const;
  std::int64_t valueParts(std::int64_t height) const;
  Dim packedKeys() const;                    // f32 elements a batch index, an upper bound
  Dim packedValues() const;
  Dim scratchBytes() const;

 private:
  void setAhead();
};

// Functions of one tile and one block of keys: columns [low, high) count from the block's first
// key, `low` being a multiple of the panel width.
struct AttentionTile {
  Emit& e;
  const AttentionBlocking& blocking;

  std::string name(const char* part) const { return e.kernel.name + "." + part; }

  // Shared: S[r, c] = Σ_e q k.
  //   (Q, K, S, address of q's row, address of K's block, low, high, from one row to the next,
  //    rows, and what is fetched ahead: the list, first and last)
  // The rows are q's; of keys in place, which one row alone has, they are K's. Those are multiplied
  // one by one: what packing them costs pays for many queries only.
  void emitScores();
  std::string scoresName() const;
  Dim queryStride() const;
  // "edit[.masked]": the score region, the mask, and dead columns behind the last key.
  //   (ins..., outs..., S, batch, query, rows, key start, low, high)
  mlir::LogicalResult emitEdit(bool masked);
  std::string editName(bool masked) const { return name(masked ? "edit.masked" : "edit"); }
  // "softmax": S becomes 2^(…); largest and total of the rows are kept; sums so far are scaled.
  //   (S, rows, low, high, first of the tile's rows among those kept, is first)
  void emitSoftmax();
  // "rows[.masked]": both at once, where a row's scores stay in registers and no other block of
  // keys follows.
  //                                     (ins..., outs..., S, batch, query, rows, first row kept)
  mlir::LogicalResult emitWholeRows(bool masked);
  std::string wholeRowsName(bool masked) const { return name(masked ? "rows.masked" : "rows"); }
  // "few": all of it for queries one by one; keys, too, are rows.
  //   (ins..., outs..., S, Q, K, V, batch, query, rows, address of q's row, from one row to the
  //    next, address of K, address of V)
  mlir::LogicalResult emitFewKeys();
  // "clear": rows that have not seen a live key yet.
  //   (S, rows, first of the tile's rows among those kept)
  void emitClear();
  // Shared: sums += S V.
  //   (S, V, address of V's block, low, high, first row kept, is first, from one row of V to the
  //    next, rows, and what is fetched ahead)
  void emitValues();
  std::string valuesName() const;
  // "finish": epilogue(sums / total).
  //   (ins..., outs..., S, batch, query, rows, first row kept)
  mlir::LogicalResult emitFinish();
  // "weights": outs[1] of one block.
  //   (ins..., outs..., S, batch, query, rows, key start, high, row in the block)
  void emitWeights();
  // "pack": keys [low, high) and their values, low being the first of a panel.
  //   (ins..., outs..., K and V, batch, address of K, address of V, low, high)
  mlir::LogicalResult emitPack();
  // "ahead": lists the rows of a batch index.
  //   (ins..., outs..., list, batch)
  void emitAhead();
  std::string aheadName() const { return name("ahead"); }

  llvm::SmallVector<Type> kernelBuffers(llvm::ArrayRef<Type> more) const;

 private:
  // Of a vector from `at` on, the lanes of a row of `extent`; null: all.
  Value lanesOf(std::int64_t extent, std::int64_t at);
  void emitScoresInPlace(ValueRange arguments);
  Value fewScores(Value q, Value row, Value k, Value keys, Value stride);
  // outs[0] of one query; sumAt(d): the lanes from feature d on before the epilogue.
  mlir::LogicalResult finishRow(ValueRange buffers, Value batch, Value query,
                                llvm::function_ref<Value(std::int64_t d)> sumAt);
  std::string heightsText() const;  // of tiles that can occur
  std::string aheadText(std::int64_t rows) const;
  // The parts of a tile of `rows`.
  void overParts(Value rows, std::int64_t most,
                 llvm::function_ref<void(Value part, Value first, std::int64_t height)> body);
  void fetchQueries(Value q, ValueRange rows, Value ahead, Value column);
  // What is fetched ahead; null values where nothing is.
  struct Listed {
    Value list, at, last;  // the list, where a loop begins in it, its last row
  };
  // For the loop-th loop of a function of products, each covering `rows`.
  Listed listedFor(ValueRange arguments, Value loop, std::int64_t rows);
  void fetchAhead(const Listed& listed, Value turn);  // by a turn of a loop over features or keys
  // half: of the last vector, its lower half alone
  void emitScoreVectors(Value first, ValueRange rows, ValueRange arguments, Value column,
                        int vectors, bool half, const Listed& listed);
  Value edited(Value x, Value s, ValueRange buffers, Value batch, Value query, Value key,
               bool masked, Value valid);
  // last: lanes of the last vector, null for all
  void emitValueColumns(Value first, int height, int vectors, Value column, Value last,
                        ValueRange arguments, const Listed& listed);
  Value rowOf(Value row, std::int64_t base, std::int64_t stride) {
    return e.add(e.mul(row, stride), base);
  }
};

}  // namespace heed::cpu
