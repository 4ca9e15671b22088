// How an attention's one kernel goes about it, decided from what is known when it is compiled: the
// plan whose predicted time is least. The prediction is linear in counts of work; what one of each
// costs is data of the target (tuning.h), found offline. Scores, softmax and values as three
// kernels are no plan: `heed_bench --sweep` finds no shape for which they are faster.
#pragma once
#include <array>
#include <optional>
#include <vector>

#include "heed/compiler/target.h"

namespace heed {

// Query i may see keys [i + first, i + last], where these are known.
struct SeenKeys {
  std::optional<std::int64_t> first, last;
};

struct AttentionShape {
  std::int64_t batch = 1;                         // at least
  std::optional<std::int64_t> queries{}, keys{};  // none: symbolic
  std::int64_t features = 0, values = 0;          // of a query, of a value
  SeenKeys seen{};
};

struct AttentionPlan {
  std::int64_t key_block = 256;    // keys whose scores are alive at a time
  // tiles of queries that meet a block of keys while it is in cache
  std::int64_t block_tiles = 16;

  bool operator==(const AttentionPlan&) const = default;
};

// Most queries of a tile: rows of sums in registers beside two vectors of keys and the broadcasts.
int attention_tile_rows(const Target& target, bool static_queries);
// Of a panel of keys: as many vectors as take the fewest loads beside six rows of sums.
std::int64_t panel_keys(const Target& target);

// The counts, in the order of AttentionCosts::names. An extent that is not known counts as
// `assumed_extent`.
inline constexpr std::int64_t assumed_extent = 512;
std::array<double, AttentionCosts::count> attention_work(const AttentionShape& shape,
                                                         const AttentionPlan& plan,
                                                         const Target& target);
// Of what plans differ in.
double predicted_ns(const AttentionShape& shape, const AttentionPlan& plan, const Target& target);

// Plans that differ in what they do with this shape, within what the target's tuning forces, and
// the best of them.
std::vector<AttentionPlan> attention_plans(const AttentionShape& shape, const Target& target);
AttentionPlan best_attention_plan(const AttentionShape& shape, const Target& target);

}  // namespace heed
