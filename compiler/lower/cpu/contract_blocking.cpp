// Sizes of a contraction's tiles, panels and blocks, of its scratch memory and of its work, as
// functions of shape and target alone.
#include "heed/compiler/lower/cpu/contract.h"
#include "heed/compiler/lower/cpu/kinds.h"
#include "heed/compiler/lower/lower.h"
#include "heed/compiler/lower/tile/access.h"
#include "heed/compiler/lower/tile/regions.h"

namespace heed {

// Four vectors of columns by six rows keep 32 registers busy with the fewest loads, three by eight
// nearly so, two by six 16; narrower panels where they waste less.
std::int64_t panelWidth(const Target& target, std::int64_t columns) {
  constexpr double tolerated_waste = 1.05;
  auto padded = [&](std::int64_t width) { return (columns + width - 1) / width * width; };
  const std::int64_t narrow = 2 * target.lanes;
  if (target.registers >= 32)
    for (std::int64_t width : {4 * target.lanes, 3 * target.lanes})
      if (padded(width) <= tolerated_waste * padded(narrow)) return width;
  return narrow;
}

namespace cpu {

namespace {

constexpr std::int64_t depth_block = 768;       // f32 sums longer than this lose accuracy
constexpr double block_share_of_l2 = 0.4;       // a row block's share; a panel of B passes by
constexpr std::int64_t least_items = 8;         // work items worth having
constexpr std::int64_t packed_tiles = 8;        // worth packing for,
constexpr std::int64_t packed_blocks = 12;      // so many times
constexpr std::int64_t symbolic_depth = 768;    // what to plan with
constexpr int most_run_rows = 8;                // whose addresses fit into registers
// of those that wait, else A comes again from beyond it
constexpr double sums_share_of_l2 = 0.3;

// The last panel summed up like a whole one takes hardly longer: tiles as narrow as what it holds
// are not worth their code.
bool hardlyNarrower(std::int64_t columns, std::int64_t width, std::int64_t tail) {
  constexpr double tolerated_waste = 1.02;
  std::int64_t whole = columns / width * width;
  return double(whole + width) <= tolerated_waste * double(whole + tail);
}

bool contiguousRows(const tile::Kernel& kernel) {
  const tile::Access& a = kernel.ins[0];
  return a.dtype == DType::f32 && a.linear() && tile::strideAlong(kernel, a, 'k') == Dim(1) &&
         tile::strideAlong(kernel, a, 'm') && tile::isIdentity(kernel.op->getRegion(0));
}

// Heights of balanced tiles: ⌊m / t⌋ and, unless that is exact, one more.
llvm::SmallVector<std::int64_t> tileHeights(const Dim& m, int rows) {
  std::int64_t low = rows, high = m.is_static() ? 1 : rows;
  std::int64_t least = std::max<std::int64_t>(1, lower_bound(m));
  std::int64_t most = m.is_static() ? m.constant : std::max<std::int64_t>(least, rows * rows);
  for (std::int64_t each = least; each <= most; ++each) {  // beyond rows², only rows - 1 and rows
    std::int64_t tiles = (each + rows - 1) / rows;
    low = std::min(low, each / tiles);
    high = std::max(high, (each + tiles - 1) / tiles);
  }
  llvm::SmallVector<std::int64_t> heights;
  for (std::int64_t height = low; height <= high; ++height) heights.push_back(height);
  return heights;
}

}  // namespace

ContractBlocking::ContractBlocking(const tile::Kernel& kernel, const Target& target) {
  batch = kernel.extentOf('b');
  m = kernel.extentOf('m');
  n = kernel.extentOf('n');
  k = kernel.extentOf('k');
  parts = kernel.extentOf('p').constant;
  auto packed = kernel.op->getAttrOfType<mlir::IntegerAttr>("packed");
  weights = bool(packed);
  width = weights ? packed.getInt() : panelWidth(target, n.is_static() ? n.constant : 0);
  vectors = int(width / target.lanes);
  rows = tileRows(target, vectors);
  packsA = !contiguousRows(kernel);
  if (packsA && rows <= most_run_rows) runs = rowRunsOf(kernel);
  packsA &= !runs;
  setDepth();
  // Of windows the block holds the elements that it moves on by.
  const PaddedLines* padded = runs && runs->padded ? &*runs->padded : nullptr;
  std::int64_t rowElements =
      padded ? padded->unit * padded->planes * padded->y.stride * padded->x.stride : depth;
  auto bytes = std::int64_t(sizeof(float)) * rowElements * rows;
  // The further parts of a panel, and of the one that is fetched, take a part of the share.
  auto share = std::int64_t(block_share_of_l2 * double(target.l2_bytes));
  std::int64_t further = 2 * (parts - 1) * std::int64_t(sizeof(float)) * depth * width;
  blockTiles = std::max<std::int64_t>(4, std::max(share / 3, share - further) / bytes);
  heights = tileHeights(m, rows);
  std::int64_t tail = n.is_static() ? n.constant % width : 0;
  tailVectors = int((tail + target.lanes - 1) / target.lanes);
  setPanelLayout(kernel);
  bool asWhole =
      tail && depthStride == width && hardlyNarrower(n.constant, width, tailVectors * target.lanes);
  tailSumVectors = asWhole ? vectors : tailVectors;
  keepB(kernel, target);
  sharesBlocks = weights && !preparesA() && !keepsB;
  if (m.is_static()) blockTiles = std::min(blockTiles, tiles(m.constant));
  auto sums = std::int64_t(sizeof(float)) * blockTiles * tileSums();
  groupPanels =
      std::max<std::int64_t>(1, std::int64_t(sums_share_of_l2 * double(target.l2_bytes)) / sums);
  exactWork = m.is_static() && n.is_static();
  std::int64_t across =
      (n.is_static() ? panels().constant : 1) * std::max<std::int64_t>(1, lower_bound(batch));
  leastBlocks = (least_items + across - 1) / across;
  if (packsA && m.is_static())
    leastBlocks = std::clamp<std::int64_t>(tiles(m.constant) / packed_tiles, 1, packed_blocks);
}

// In small row blocks panels write a row while its lines are near, and A comes by once.
void ContractBlocking::keepB(const tile::Kernel& kernel, const Target& target) {
  constexpr std::int64_t kept = 4, block = 16;  // parts of L2
  if (!weights || preparesA() || inBlocks() || !n.is_static()) return;
  auto bytes = [](std::int64_t elements) { return std::int64_t(sizeof(float)) * elements; };
  keepsB = bytes(k.constant * panels().constant * parts * width) <= target.l2_bytes / kept;
  const std::int64_t both = bytes(rows * (k.constant + n.constant));
  if (!keepsB) return;
  blockTiles = std::clamp<std::int64_t>(target.l2_bytes / block / both, 1, blockTiles);
  fetchesA = *tile::strideAlong(kernel, kernel.ins[0], 'm') == k && lower_bound(m) > n.constant;
}

void ContractBlocking::setDepth() {
  auto parts = [](std::int64_t length, std::int64_t most) { return (length + most - 1) / most; };
  std::int64_t length = k.is_static() ? k.constant : symbolic_depth, unit = 1;
  if (runs && runs->length <= depth_block) length = runs->count(), unit = runs->length;
  else if (runs) length = runs->length;
  depth = parts(length, parts(length, depth_block / unit)) * unit;
}

// Weights are [batch, panel, k, width]; what the kernel packs itself is [panel, k, width] of one
// batch index.
void ContractBlocking::setPanelLayout(const tile::Kernel& kernel) {
  depthStride = width;
  panelStride = Dim(width) * k;
  if (!weights) return;
  const tile::Layout& layout = kernel.ins[1].layout;
  panelOffset = layout.offset;
  batchStride = layout.strides[0];
  panelStride = layout.strides[1];
  depthStride = layout.strides[2].constant;  // of a panel's width or of what it is a slice of
}

std::int64_t ContractBlocking::rowBlocks(std::int64_t tiles) const {
  std::int64_t blocks = (tiles + blockTiles - 1) / blockTiles;
  if (sharesBlocks && blocks > 1)
    blocks = std::max((tiles + sharedTiles() - 1) / sharedTiles(),
                      std::min(tiles / shared_tiles, shared_blocks));
  return std::max(blocks, std::min(tiles, leastBlocks));
}

Dim ContractBlocking::panels() const { return Dim((n.constant + width - 1) / width); }

ContractScratch::ContractScratch(const ContractBlocking& blocking, int lanes) {
  std::int64_t tiles = blocking.inBlocks() ? blocking.blockTiles * blocking.groupPanels : 1;
  // Wide tiles hold sums of few rows for several panels.
  std::int64_t wide = wide_tiles[0].panels * blocking.partSums();
  sums = Dim(std::max(tiles * blocking.tileSums(), wide) * float_bytes);
  if (!blocking.weights) {
    Dim columns = blocking.n.is_static() ? blocking.panels() * Dim(blocking.width)
                                         : blocking.n + Dim(blocking.width);
    panels = columns * Dim(blocking.parts) * blocking.k * Dim(float_bytes);
  }
  if (blocking.runs)
    offsets = Dim(std::int64_t(sizeof(std::int64_t)) *
                  (blocking.blockRows() + blocking.runs->count()));
  if (blocking.copiesA()) {
    Dim elements = blocking.runs ? blocking.runs->padded->elements(blocking.blockRows())
                                 : blocking.k * Dim(blocking.blockRows());
    rows = (elements + Dim(lanes)) * Dim(float_bytes);
  }
}

Dim ContractBlocking::work() const {
  if (!exactWork) return batch * m * (n.is_static() ? panels() : n);
  return batch * panels() * Dim(rowBlocks(tiles(m.constant)));
}

// What is packed for a row block serves all its panels; where row blocks are few, it is packed for
// parts of them.
std::int64_t ContractBlocking::grain() const {
  constexpr std::int64_t enough_items = 8, least_panels = 4;
  if (!exactWork) return rows;
  if (!copiesA()) return 1;
  std::int64_t blocks =
      rowBlocks(tiles(m.constant)) * std::max<std::int64_t>(1, lower_bound(batch));
  std::int64_t across = panels().constant, each = (enough_items + blocks - 1) / blocks;
  return std::min(across, std::max(least_panels, (across + each - 1) / each));
}

tile::Launch launchOf(const tile::Kernel& kernel, std::vector<Dim> dims,
                      const ContractBlocking& blocking, const ContractScratch& scratch) {
  tile::Launch launch;
  launch.function = kernel.name;
  for (std::size_t n = 0; n < kernel.ins.size() + kernel.outs.size(); ++n)
    launch.buffers.push_back(int(n));
  launch.dims = std::move(dims);
  launch.work = blocking.work();
  launch.scratchBytes = scratch.sums + scratch.panels + scratch.offsets + scratch.rows;
  launch.grain = blocking.grain();
  launch.kind = "contract";
  launch.flops = Dim(2 * blocking.parts) * blocking.batch * blocking.m * blocking.n * blocking.k;
  auto size = [](const tile::Access& access) {
    return element_count(access.shape) * Dim(std::int64_t(size_of(access.dtype)));
  };
  for (const tile::Access& access : kernel.ins) launch.bytes = launch.bytes + size(access);
  for (const tile::Access& access : kernel.outs) launch.bytes = launch.bytes + size(access);
  return launch;
}

}  // namespace cpu
}  // namespace heed
