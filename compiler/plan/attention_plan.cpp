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

// Pairs of a tile, or one of its queries, and a block of keys that meet, those of a query and a key
// (by whole panels), and the keys that some query sees.
struct Meetings {
  double visits = 0, rows = 0, scores = 0;
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
    all.scores += double((end - begin) * round_up(high - low, panel));
    all.low = std::min(all.low, low);
    all.high = std::max(all.high, high);
  }
  return all;
}

}  // namespace

int attention_tile_rows(const Target& target, bool static_queries) {
  if (target.registers < 32) return 6;
  return static_queries ? 12 : 8;  // fewer heights to emit where any can occur
}

std::int64_t panel_keys(const Target& target) { return 2 * target.lanes; }

std::array<double, AttentionCosts::count> attention_work(const AttentionShape& shape,
                                                         const AttentionPlan& plan,
                                                         const Target& target) {
  const Grid grid(shape, plan, target);
  const double batch = double(shape.batch), queries = double(grid.queries),
               keys = double(grid.keys);
  const double features = double(shape.features),
               values = double(round_up(shape.values, target.lanes));
  std::array<double, AttentionCosts::count> work{};
  if (!plan.fused) {
    const double columns = double(round_up(grid.keys, target.lanes));  // of a matrix of scores
    work[AttentionCosts::unfused] = 1;
    work[AttentionCosts::unfused_batch] = batch;
    work[AttentionCosts::unfused_product] =
        batch * queries * (columns * features + keys * values) * 1e-3;
    work[AttentionCosts::unfused_score] = batch * queries * columns;
    work[AttentionCosts::unfused_row] = batch * queries;
    work[AttentionCosts::unfused_packed] = batch * keys * (features + values);
    return work;
  }
  const Meetings met = meetings(shape, grid, panel_keys(target));
  const double block_bytes =
      double(std::min(plan.key_block, grid.keys)) * (features + values) * sizeof(float);
  const auto packed_of = [&](std::int64_t row) {  // one query reads whole vectors where they lie
    return shape.queries == 1 && row % target.lanes == 0 ? 0.0 : double(row);
  };
  const double packed =
      double(met.high - met.low) * (packed_of(shape.features) + packed_of(shape.values));
  const double l2 = double(target.l2_bytes);
  work[AttentionCosts::fused] = 1;
  work[AttentionCosts::batch] = batch;
  work[AttentionCosts::product] = batch * met.scores * (features + values) * 1e-3;
  work[AttentionCosts::score] = batch * met.scores;
  work[AttentionCosts::visit] = batch * met.visits;
  work[AttentionCosts::row] = batch * met.rows;
  work[AttentionCosts::sum] = batch * met.rows * values;
  work[AttentionCosts::packed] = batch * packed;
  if (block_bytes > l2 / 2)
    work[AttentionCosts::far_block] = batch * met.visits * block_bytes / sizeof(float);
  if (packed * sizeof(float) > l2 / 2)
    work[AttentionCosts::far_packed] = batch * double(grid.query_blocks) * packed;
  return work;
}

double predicted_ns(const AttentionShape& shape, const AttentionPlan& plan, const Target& target) {
  const auto work = attention_work(shape, plan, target);
  double ns = 0;
  for (std::size_t n = 0; n < work.size(); ++n) ns += work[n] * target.tuning.attention.costs.ns[n];
  return ns;
}

std::vector<AttentionPlan> fused_plans(const AttentionShape& shape, const Target& target) {
  const AttentionTuning& tuning = target.tuning.attention;
  const std::int64_t rows = attention_tile_rows(target, true);
  std::vector<AttentionPlan> plans;
  const auto choices = [](const auto& forced, auto... free) {
    return forced ? std::vector{*forced} : std::vector{free...};
  };
  for (std::int64_t keys :
       choices(tuning.key_block, std::int64_t{256}, std::int64_t{128}, std::int64_t{512}))
    for (std::int64_t tiles :
         choices(tuning.block_tiles, std::int64_t{16}, std::int64_t{8}, std::int64_t{32})) {
      if (shape.keys) keys = std::min(keys, round_up(*shape.keys, panel_keys(target)));
      if (shape.queries) tiles = std::min(tiles, ceil_divide(*shape.queries, rows));
      if (const AttentionPlan plan{true, keys, tiles};
          std::ranges::find(plans, plan) == plans.end())
        plans.push_back(plan);
    }
  return plans;
}

AttentionPlan best_fused_plan(const AttentionShape& shape, const Target& target) {
  return std::ranges::min(fused_plans(shape, target), {}, [&](const AttentionPlan& plan) {
    return predicted_ns(shape, plan, target);
  });
}

bool is_better_fused(const AttentionShape& shape, const Target& target) {
  if (target.tuning.attention.fuse) return *target.tuning.attention.fuse;
  if (shape.masked && shape.keys.value_or(assumed_extent) > panel_keys(target)) return true;
  return predicted_ns(shape, best_fused_plan(shape, target), target) <=
         predicted_ns(shape, {.fused = false}, target);
}

}  // namespace heed
