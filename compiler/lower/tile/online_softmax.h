// The algebra of attention over keys that come block by block: what becomes of a product of query
// and key, and how sums so far follow when a larger score turns up. On scalars or vectors, for all
// targets.
//   largest = max of exponent · score,  weight = 2^(exponent · score - largest),
//   result = Σ weight v / Σ weight
#pragma once
#include "heed/compiler/lower/tile/emitter.h"
#include "heed/compiler/lower/tile/kernel.h"

namespace heed::tile {

class OnlineSoftmax {
 public:
  OnlineSoftmax(Emitter& e, ir::AttentionOp op);

  // Dead scores stay below all others; a row's largest never falls below `lowest`, so that they
  // become 0 exactly.
  static constexpr float dead = -1e37f, lowest = -1e30f;
  // The scale is not just part of the exponent: the score region does something.
  static bool edits(ir::AttentionOp op);

  // What a region yields on the pairs at hand, of which only the `live` ones matter, all without
  // it. Null after a diagnostic.
  using Regions = llvm::function_ref<Value(mlir::Region& region, Value leading, Value live)>;
  // The score of Σ q k; dead where the mask says so, if asked, and where not `valid`, if given.
  // Null after a diagnostic.
  Value score(Value product, bool masked, Value valid, Regions regions);

  // Of a row's largest score.
  Value largest(Value score);
  // What totals and sums so far are multiplied by when the largest grows.
  Value shrink(Value before, Value now);
  Value weight(Value score, Value minus_largest);  // times a constant, as exp2Weight
  // 1 / total, 0 for a row without a live key.
  Value inverse(Value total);

 private:
  Emitter& e;
  ir::AttentionOp op;
  double exponent;
};

}  // namespace heed::tile
