#include "heed/compiler/lower/cpu/attention.h"
#include "heed/compiler/lower/tile/access.h"
#include "heed/compiler/lower/tile/online_softmax.h"

using namespace mlir;

namespace heed::cpu {

namespace {

int64_t roundUp(int64_t x, int64_t unit) { return (x + unit - 1) / unit * unit; }

// Rows of sums in registers beside two vectors of keys and the broadcasts.
int tileRows(const Target& target, const Dim& queries) {
  if (target.registers < 32) return 6;
  return queries.is_static() ? 12 : 8;  // fewer heights to emit where any can occur
}

}  // namespace

AttentionBlocking::AttentionBlocking(const tile::Kernel& kernel, const tile::MaskClasses& mask, const Target& target) {
  auto op = cast<ir::AttentionOp>(kernel.op);
  batch = kernel.extentOf('b');
  queries = kernel.extentOf('i');
  keys = kernel.extentOf('j');
  features = kernel.extentOf('e').constant;
  values = kernel.extentOf('d').constant;
  rows = tileRows(target, queries);
  vectors = 2;
  width = vectors * target.lanes;
  const AttentionTuning& tuning = target.tuning.attention;
  const bool band = llvm::any_of(mask.bounds, [](const tile::KeyBound& bound) { return bound.below; });
  keyBlock = band ? tuning.band_key_block : tuning.key_block;
  if (keys.is_static()) keyBlock = std::min(keyBlock, roundUp(keys.constant, width));
  valueStride = roundUp(values, target.lanes);
  const bool square = target.registers >= 32 && valueStride >= 4 * target.lanes;  // six by four need the fewest loads
  valueVectors = square ? 4 : vectors;
  valueRows = square ? 6 : rows;
  scoreStride = keyBlock + target.lanes;  // not a power of two

  fewQueries = 0;
  if (queries.is_static()) {
    int64_t tiles = (queries.constant + rows - 1) / rows, low = queries.constant / tiles;
    heights.push_back(low);
    if (queries.constant % tiles) heights.push_back(low + 1);
  } else {
    fewQueries = rows / 2;  // ⌈queries / rows⌉ balanced tiles of more queries are never lower
    heights.push_back(1);
    for (int64_t height = std::max(2, rows / 2); height <= rows; ++height) heights.push_back(height);
  }
  blockTiles = tuning.block_tiles;
  if (queries.is_static()) blockTiles = std::min(blockTiles, (queries.constant + rows - 1) / rows);

  const tile::Access& q = kernel.ins[0];
  packsQueries = !(q.dtype == DType::f32 && q.linear() && tile::strideAlong(kernel, q, 'e') == Dim(1) &&
                   tile::strideAlong(kernel, q, 'i'));
  const bool oneQuery = queries == Dim(1);
  // From one row to the next of what can be read where it lies.
  auto rowInPlace = [&](int operand, char feature, int64_t count) -> std::optional<Dim> {
    const tile::Access& access = kernel.ins[operand];
    bool lies = access.dtype == DType::f32 && access.linear() && count % target.lanes == 0 &&
                tile::strideAlong(kernel, access, feature) == Dim(1);
    return lies ? tile::strideAlong(kernel, access, 'j') : std::nullopt;
  };
  const std::optional<Dim> key = rowInPlace(1, 'e', features), value = rowInPlace(2, 'd', values);
  keysInPlace = oneQuery && key;
  valuesInPlace = value && (oneQuery || *value == Dim(valueStride));
  keyRow = keysInPlace ? *key : Dim(features);
  valueRow = valuesInPlace ? *value : Dim(valueStride);
  Dim packedBytes = (packedKeys() + packedValues()) * Dim(int64_t(sizeof(float)));
  // With one block of queries nothing is packed twice.
  const bool oneBlock = queries.is_static() && queries.constant <= blockTiles * rows;
  packsInside = oneBlock || (lower_bound(batch) >= tuning.inside_from && queries.is_static() && packedBytes.is_static() &&
                             double(packedBytes.constant) <= tuning.inside_share_of_l2 * double(target.l2_bytes));
  editsScores = tile::OnlineSoftmax::edits(op);

  int64_t at = 0;
  auto take = [&](int64_t count) { return std::exchange(at, at + roundUp(count, 16)); };
  scoresAt = take(rows * scoreStride + target.lanes);
  sumsAt = take(queryRows() * valueStride);
  largestAt = take(queryRows() * target.lanes);
  totalAt = take(queryRows() * target.lanes);
  queriesAt = take(packsQueries ? queryRows() * features + target.lanes : 0);
  packedAt = at;
}

llvm::SmallVector<std::pair<int64_t, int64_t>> AttentionBlocking::valueParts(int64_t height) const {
  llvm::SmallVector<std::pair<int64_t, int64_t>> parts;
  const int64_t count = (height + valueRows - 1) / valueRows;
  for (int64_t part = 0; part < count; ++part) {
    const int64_t first = height * part / count;
    parts.push_back({first, height * (part + 1) / count - first});
  }
  return parts;
}

Dim AttentionBlocking::packedKeys() const {
  if (keysInPlace) return Dim(0);
  Dim columns = keys.is_static() ? Dim(roundUp(keys.constant, width)) : keys + Dim(width);
  return columns * Dim(features);
}
Dim AttentionBlocking::packedValues() const { return valuesInPlace ? Dim(0) : keys * Dim(valueStride); }

Dim AttentionBlocking::scratchBytes() const {
  Dim inside = packsInside ? packedKeys() + packedValues() : Dim(0);
  return (Dim(packedAt) + inside) * Dim(int64_t(sizeof(float)));
}

}  // namespace heed::cpu
