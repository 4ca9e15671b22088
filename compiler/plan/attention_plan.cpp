#include "heed/compiler/plan/attention_plan.h"

#include <algorithm>
#include <limits>

namespace heed {
namespace {

std::int64_t ceil_divide(std::int64_t x, std::int64_t by) { return (x + by - 1) / by; }
std::int64_t round_up(std::int64_t x, std::int64_t unit) { return ceil_divide(x, unit) * unit; }

// Tiles of queries and blocks of keys of one batch index.
struct Grid {
  std::int64_t queries, keys, tiles, query_blocks, key_blocks;

  Grid(const AttentionShape& shape, const AttentionPlan& plan, const Target& target)
      : queries(shape.queries.value_or(assumed_extent)),
        keys(shape.keys.value_or(assumed_extent)),
        tiles(ceil_divide(queries, attention_tile_rows(target, shape.queries.has_value()))),
        query_blocks(ceil_divide(tiles, plan.block_tiles)),
        key_blocks(ceil_divide(keys, plan.key_block)) {}
};

// Pairs of a tile, or one of its queries, and a block of keys that meet, and the keys that some
// query sees.
struct Meetings {
  double visits = 0, rows = 0;
  std::int64_t low = std::numeric_limits<std::int64_t>::max(), high = 0;
};
Meetings meetings(const AttentionShape& shape, const Grid& grid, std::int64_t panel) {
  const std::int64_t block = round_up(ceil_divide(grid.keys, grid.key_blocks), panel);
  Meetings all;
  for (std::int64_t tile = 0; tile < grid.tiles; ++tile) {
    const std::int64_t begin = tile * grid.queries / grid.tiles,
                       end = (tile + 1) * grid.queries / grid.tiles;
    std::int64_t low =
        std::clamp(begin + shape.seen.first.value_or(-begin), std::int64_t{0}, grid.keys - 1);
    std::int64_t high =
        std::clamp(end + shape.seen.last.value_or(grid.keys - end), low + 1, grid.keys);
    low -= low % panel;
    const double blocks = double((high - 1) / block - low / block + 1);
    all.visits += blocks;
    all.rows += blocks * double(end - begin);
    all.low = std::min(all.low, low);
    all.high = std::max(all.high, high);
  }
  return all;
}

constexpr double page_bytes = 4096, first_tlb_bytes = 64 * page_bytes;

}  // namespace

int attention_tile_rows(const Target& target, bool static_queries) {
  if (target.registers < 32) return target.fma ? 6 : 5;
  return static_queries ? 12 : 8;  // fewer heights to emit where any can occur
}

std::int64_t panel_keys(const Target& target) {
  return (target.registers >= 32 ? 4 : 2) * target.lanes;
}

std::array<double, AttentionCosts::count> attention_work(const AttentionShape& shape,
                                                         const AttentionPlan& plan,
                                                         const Target& target) {
  const Grid grid(shape, plan, target);
  const Meetings met = meetings(shape, grid, panel_keys(target));
  const double batch = double(shape.batch), features = double(shape.features),
               values = double(round_up(shape.values, target.lanes)),
               block = double(std::min({plan.key_block, grid.keys, met.high - met.low})) * values,
               packed = double(met.high - met.low) * (features + values);
  std::array<double, AttentionCosts::count> work{};
  work[AttentionCosts::visit] = batch * met.visits;
  work[AttentionCosts::row] = batch * met.rows;
  work[AttentionCosts::sum] = batch * met.rows * values;
  // A tile sums a few columns of them at a time, so that it comes to every page as often. A block
  // may begin within a page.
  if (block * sizeof(float) + page_bytes > first_tlb_bytes)
    work[AttentionCosts::far_block] = batch * met.visits * block;
  if (packed * sizeof(float) > double(target.l2_bytes) / 2)
    work[AttentionCosts::far_packed] = batch * double(grid.query_blocks) * packed;
  return work;
}

double predicted_ns(const AttentionShape& shape, const AttentionPlan& plan, const Target& target) {
  const auto work = attention_work(shape, plan, target);
  double ns = 0;
  for (std::size_t n = 0; n < work.size(); ++n) ns += work[n] * target.tuning.attention.costs.ns[n];
  return ns;
}

std::vector<AttentionPlan> attention_plans(const AttentionShape& shape, const Target& target) {
  const AttentionTuning& tuning = target.tuning.attention;
  const std::int64_t rows = attention_tile_rows(target, true);
  std::vector<AttentionPlan> plans;
  const auto choices = [](const auto& forced, auto... free) {
    return forced ? std::vector{*forced} : std::vector{free...};
  };
  for (std::int64_t keys :
       choices(tuning.key_block, std::int64_t{256}, std::int64_t{128}, std::int64_t{512}))
    for (std::int64_t tiles : choices(tuning.block_tiles, std::int64_t{32}, std::int64_t{16})) {
      if (shape.keys) keys = std::min(keys, round_up(*shape.keys, panel_keys(target)));
      if (shape.queries) tiles = std::min(tiles, ceil_divide(*shape.queries, rows));
      if (const AttentionPlan plan{keys, tiles}; std::ranges::find(plans, plan) == plans.end())
        plans.push_back(plan);
    }
  return plans;
}

// Of equals the first, which has the larger blocks of queries: the next batch index is fetched
// where these are few.
AttentionPlan best_attention_plan(const AttentionShape& shape, const Target& target) {
  return std::ranges::min(attention_plans(shape, target), {}, [&](const AttentionPlan& plan) {
    return predicted_ns(shape, plan, target);
  });
}

}  // namespace heed
