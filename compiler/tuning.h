// What is measured instead of derived: the choices in which a target's programs differ in speed and not in their
// results. Found offline by `bench/run --sweep` and kept with the target; nothing is timed when a network is compiled.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace heed {

struct AttentionTuning {
  bool fuse = true;                    // into one kernel; of 70 shapes one was faster without, of a single key
  std::int64_t key_block = 256;        // keys whose scores are alive at a time …
  std::int64_t band_key_block = 128;   // … where a query sees a band of keys
  std::int64_t block_tiles = 16;       // tiles of queries that meet a block of keys while it is in cache
  std::int64_t inside_from = 12;       // batch indices from which on a thread packs its own keys and values …
  double inside_share_of_l2 = 0.5;     // … if they fit in this share of its L2
};

struct Tuning {
  AttentionTuning attention;
};

// Overrides choices by "name=value,…": fuse=yes|no, key_block, band_key_block, block_tiles,
//  inside_from, inside_share_of_l2.
// Returns what is wrong with the text; empty: nothing.
std::string override_tuning(Tuning& tuning, std::string_view text);

}  // namespace heed
