#include "heed/compiler/lower/cpu/attention.h"
#include "heed/compiler/lower/tile/access.h"
#include "heed/compiler/lower/tile/lookup.h"
#include "heed/compiler/lower/tile/online_softmax.h"
#include "heed/compiler/plan/attention_plan.h"
#include "heed/runtime/abi/kernel.h"

using namespace mlir;

namespace heed::cpu {

namespace {

int64_t roundUp(int64_t x, int64_t unit) { return (x + unit - 1) / unit * unit; }

// What the bounds say of a query's keys, where they are numbers.
SeenKeys seenKeys(const tile::MaskClasses& mask) {
  SeenKeys seen;
  for (const tile::KeyBound& bound : mask.bounds) {
    if (bound.limits.size() != 1) continue;  // key + perQuery · query + rest ≥ 0, or -key + …
    const auto& [perQuery, rest] = bound.limits[0];
    bool number = rest.constant.is_static() && rest.elements.empty() &&
                  llvm::all_of(rest.digits, [](int64_t factor) { return factor == 0; });
    if (!number || perQuery != (bound.below ? -1 : 1)) continue;
    if (bound.below)
      seen.first = std::max(seen.first.value_or(-rest.constant.constant), -rest.constant.constant);
    else seen.last = std::min(seen.last.value_or(rest.constant.constant), rest.constant.constant);
  }
  return seen;
}

// Of the last block of keys; where a mask's bounds end a tile's keys, of any.
llvm::SmallVector<int> restsOf(const Dim& keys, int64_t block, int64_t width, int64_t lanes,
                               bool allKeys) {
  llvm::SmallVector<int> rests;
  if (keys.is_static() && allKeys) {
    const int64_t blocks = (keys.constant + block - 1) / block,
                  each = roundUp((keys.constant + blocks - 1) / blocks, width),
                  last = keys.constant - (blocks - 1) * each;
    if (const int64_t rest = roundUp(last % width, lanes) % width)
      rests.push_back(int(rest / lanes));
  } else {
    for (int64_t rest = lanes; rest < width; rest += lanes) rests.push_back(int(rest / lanes));
  }
  return rests;
}

std::optional<int64_t> number(const Dim& dim) {
  return dim.is_static() ? std::optional(dim.constant) : std::nullopt;
}

}  // namespace

AttentionBlocking::AttentionBlocking(const tile::Kernel& kernel, const tile::MaskClasses& mask,
                                     const Target& target) {
  auto op = cast<ir::AttentionOp>(kernel.op);
  batch = kernel.extentOf('b');
  queries = kernel.extentOf('i');
  keys = kernel.extentOf('j');
  features = kernel.extentOf('e').constant;
  values = kernel.extentOf('d').constant;
  rows = attention_tile_rows(target, queries.is_static());
  width = panel_keys(target);
  vectors = int(width / target.lanes);
  panelRows = tileRows(target, vectors);
  steps = Emit::stepsFor(panelRows * vectors);
  const AttentionShape shape{lower_bound(batch), number(queries), number(keys), features, values,
                             seenKeys(mask)};
  const AttentionPlan plan = best_attention_plan(shape, target);
  keyBlock = plan.key_block;
  blockTiles = plan.block_tiles;
  rests = restsOf(keys, keyBlock, width, target.lanes, mask.bounds.empty());
  valueStride = roundUp(values, target.lanes);
  // six by four need the fewest loads, one row passes over the values as seldom as it can
  const bool oneQuery = queries == Dim(1),
             square = target.registers >= 32 && valueStride >= 4 * target.lanes;
  valueVectors = oneQuery ? target.registers / 2 : square ? 4 : 2;
  valueRows = square ? 6 : rows;
  scoreStride = keyBlock + target.lanes;  // not a power of two

  fewQueries = 0;
  if (queries.is_static()) {
    int64_t tiles = staticTiles(), low = queries.constant / tiles;
    heights.push_back(low);
    if (queries.constant % tiles) heights.push_back(low + 1);
  } else {
    fewQueries = rows / 2;  // ⌈queries / rows⌉ balanced tiles of more queries are never lower
    heights.push_back(1);
    for (int64_t height = std::max(2, rows / 2); height <= rows; ++height)
      heights.push_back(height);
  }

  auto contiguousIn = [&](const tile::Access& access, char feature) {
    return access.dtype == DType::f32 && access.linear() &&
           tile::strideAlong(kernel, access, feature) == Dim(1);
  };
  auto contiguous = [&](int operand, char feature) {
    return contiguousIn(kernel.ins[operand], feature);
  };
  packsQueries = !(contiguous(0, 'e') && tile::strideAlong(kernel, kernel.ins[0], 'i'));
  fewKeys = keys.is_static() && keys.constant <= mostFewKeys && kernel.outs.size() == 1;
  const bool oneByOne = oneQuery || fewKeys;
  // From one row to the next of what can be read where it lies.
  auto rowInPlace = [&](int operand, char feature, int64_t count) -> std::optional<Dim> {
    bool lies = contiguous(operand, feature) &&
                (count % target.lanes == 0 || (oneByOne && target.masks));
    return lies ? tile::strideAlong(kernel, kernel.ins[operand], 'j') : std::nullopt;
  };
  oneKeyBlock = keys.is_static() && keys.constant <= keyBlock && kernel.outs.size() == 1;
  // Half a vector of 16 lanes takes half the time of a whole one on some CPUs, and never more.
  const int64_t lastKeys = keys.is_static() ? keys.constant % target.lanes : 0;
  halfRest = target.lanes == 16 && mask.bounds.empty() && lastKeys > 0 &&
             lastKeys <= target.lanes / 2 && (oneKeyBlock || !rests.empty());
  const std::optional<Dim> key = rowInPlace(1, 'e', features), value = rowInPlace(2, 'd', values);
  keysInPlace = oneByOne && key;
  valuesInPlace = value && (oneByOne || *value == Dim(valueStride));
  keyRow = keysInPlace ? *key : Dim(fewKeys ? roundUp(features, target.lanes) : features);
  valueRow = valuesInPlace ? *value : Dim(valueStride);
  // Of few batch indices the next one is likely another thread's, fewer queries are done before the
  // lines have come, for fewer keys the list takes longer than they do, bounds may leave most keys
  // unread, and long heads would push this one's keys and values out of L2.
  constexpr int64_t fewBlocks = 4, manyBatches = 12, enough = 48;
  const int64_t perRow = (features + values) * int64_t(sizeof(float));
  const bool fetchesNext = queries.is_static() && staticQueryBlocks() <= fewBlocks &&
                           lower_bound(batch) >= manyBatches && queries.constant >= enough &&
                           keys.is_static() && keys.constant >= enough &&
                           (queries.constant + keys.constant) * perRow <= target.l2_bytes / 2 &&
                           mask.bounds.empty() && !fewKeys && contiguous(1, 'e') &&
                           contiguous(2, 'd');
  ahead.queries = fetchesNext && contiguous(0, 'e');
  ahead.results = fetchesNext && contiguousIn(kernel.outs[0], 'd');
  if (fetchesNext) setAhead();
  const int64_t wholeRowVectors = target.registers / 4;  // beside what several exponentials need
  wholeRows = keys.is_static() && keys.constant <= wholeRowVectors * target.lanes &&
              mask.bounds.empty() && kernel.outs.size() == 1 && !fewKeys;
  checksLookups = tile::checksLookups(kernel);
  editsScores = tile::OnlineSoftmax::edits(op);

  int64_t at = 0;
  auto take = [&](int64_t count) { return std::exchange(at, at + roundUp(count, 16)); };
  packsOnce = !keysInPlace || !valuesInPlace || ahead.rows;
  take(packsOnce || !op.getMask().empty()
           ? abi::attention_state * int64_t(sizeof(int64_t) / sizeof(float))
           : 0);
  failedAt = take(checksLookups ? 1 : 0);
  scoresAt = take(rows * scoreStride + target.lanes);
  sumsAt = take(keptRows() * valueStride);
  largestAt = take(keptRows() * target.lanes);
  totalAt = take(keptRows() * target.lanes);
  queriesAt = take(packsQueries ? queryRows() * features + target.lanes : 0);
  aheadAt = take(ahead.rows * int64_t(sizeof(int64_t) / sizeof(float)));
  packedAt = at;
}

// As few lines a turn as bring all of the list in time.
void AttentionBlocking::setAhead() {
  constexpr int64_t line = 64 / sizeof(float), mostLines = 4;
  auto parts = [](int64_t length, int64_t unit) { return (length + unit - 1) / unit; };
  ahead.rows = 2 * keys.constant + (ahead.queries + ahead.results) * queries.constant;
  ahead.lines = parts(std::max(features, values), line);
  const int64_t tiles = parts(queries.constant, rows) * staticKeyBlocks(), least = heights.front(),
                block = keys.constant / staticKeyBlocks(),
                scoreLoops = std::max<int64_t>(1, block / width) * scoreParts(least),
                valueLoops = parts(valueStride * vectors, valueVectors * width) * valueParts(least);
  ahead.linesPerTurn = 0;
  do {
    ++ahead.linesPerTurn;
    ahead.scoreRows = features / steps * ahead.linesPerTurn / ahead.lines;
    ahead.valueRows = block / steps * ahead.linesPerTurn / ahead.lines;
    ahead.valueShare = valueLoops * ahead.valueRows;
  } while (tiles * (scoreLoops * ahead.scoreRows + ahead.valueShare) < ahead.rows &&
           ahead.linesPerTurn < mostLines);
}

int64_t AttentionBlocking::scoreParts(int64_t height) const {
  return int64_t(equalParts(height, panelRows).size());
}
int64_t AttentionBlocking::valueParts(int64_t height) const {
  return int64_t(equalParts(height, valueRows).size());
}
int64_t AttentionBlocking::staticKeyBlocks() const {
  return (keys.constant + keyBlock - 1) / keyBlock;
}

llvm::SmallVector<int64_t> AttentionBlocking::partHeights(int64_t most) const {
  llvm::SmallVector<int64_t> all;
  for (int64_t height : heights)
    for (auto [first, rows] : equalParts(height, most))
      if (!llvm::is_contained(all, rows)) all.push_back(rows);
  llvm::sort(all);
  return all;
}

int64_t AttentionBlocking::staticTiles() const { return (queries.constant + rows - 1) / rows; }
int64_t AttentionBlocking::staticQueryBlocks() const {
  return (staticTiles() + blockTiles - 1) / blockTiles;
}

Dim AttentionBlocking::packedKeys() const {
  if (keysInPlace) return Dim(0);
  Dim columns = keys.is_static() ? Dim(roundUp(keys.constant, width)) : keys + Dim(width);
  return columns * keyRow;
}
Dim AttentionBlocking::packedValues() const {
  return valuesInPlace ? Dim(0) : keys * Dim(valueStride);
}

Dim AttentionBlocking::scratchBytes() const {
  return (Dim(packedAt) + packedKeys() + packedValues()) * Dim(int64_t(sizeof(float)));
}

}  // namespace heed::cpu
