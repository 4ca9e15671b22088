// What is measured instead of derived: what the choices cost in which a target's programs differ in
// speed and not in their results. Found offline and kept with the target; nothing is timed when a
// network is compiled.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace heed {

// Nanoseconds of one thread for each unit of the work that plan/attention_plan.cpp counts.
struct AttentionCosts {
  enum Unit {
    fused,      // a run of the kernel
    batch,      // an index of it
    product,    // 1000 multiply–accumulates
    score,      // through softmax
    visit,      // of a block of keys by a tile of queries
    row,        // a tile's, in a visit
    sum,        // of values, scaled and added to in a visit
    packed,     // a number of keys and values
    far_block,  // a number of a block that half of L2 does not hold
    // a number read again by a block of queries, where half of L2 does not hold one batch index'
    // keys
    far_packed,
    unfused,          // a run of three kernels
    unfused_batch,    // an index of it
    unfused_product,  // 1000 multiply–accumulates
    unfused_score,    // through softmax
    unfused_row,      // of scores
    unfused_packed,   // a number of keys and values
    count
  };
  static constexpr std::array<const char*, count> names = {
      "fused",           "batch",         "product",     "score",
      "visit",           "row",           "sum",         "packed",
      "far_block",       "far_packed",    "unfused",     "unfused_batch",
      "unfused_product", "unfused_score", "unfused_row", "unfused_packed"};
  std::array<double, count> ns{};
};

struct AttentionTuning {
  AttentionCosts costs;
  std::optional<bool> fuse;  // forced, to measure it, as are
  std::optional<std::int64_t> key_block, block_tiles;
};

struct Tuning {
  AttentionTuning attention;
};

// Overrides by "name=value" with commas or line ends between: fuse=yes|no, key_block, block_tiles,
// and the costs by their names. Returns what is wrong with the text; empty: nothing.
std::string override_tuning(Tuning& tuning, std::string_view text);

}  // namespace heed
