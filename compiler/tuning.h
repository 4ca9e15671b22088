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

// Nanoseconds of one thread for each unit of the work that plan/attention_plan.cpp counts: what
// plans differ in, not what they share (products, exponentials, packing).
struct AttentionCosts {
  enum Unit {
    visit,      // of a block of keys by a tile of queries
    row,        // a tile's, in a visit
    sum,        // of values, scaled and added to in a visit
    far_block,  // a number of a block of values on more pages than the first TLB holds
    // a number read again by a block of queries, where half of L2 does not hold one batch index'
    // keys
    far_packed,
    count
  };
  static constexpr std::array<const char*, count> names = {"visit", "row", "sum", "far_block",
                                                           "far_packed"};
  std::array<double, count> ns{};
};

struct AttentionTuning {
  AttentionCosts costs;
  // forced, to measure them; not to fuse is no plan's choice
  std::optional<bool> fuse;
  std::optional<std::int64_t> key_block, block_tiles;
};

struct Tuning {
  AttentionTuning attention;
};

// Overrides by "name=value" with commas or line ends between: fuse=yes|no, key_block, block_tiles,
// and the costs by their names. Returns what is wrong with the text; empty: nothing.
std::string override_tuning(Tuning& tuning, std::string_view text);

}  // namespace heed
