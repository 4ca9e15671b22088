// Does the compiler choose well? Attention of random shapes, each compiled as the compiler would
// and in every other way it could, and timed in turns.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

namespace heed::bench {

struct SweepOptions {
  int first = 0, count = 200;  // shapes; they are a function of the seed and their number
  std::uint32_t seed = 1;
  int threads = 1;
  std::string target = "host";
  std::filesystem::path json;  // every time of every shape, for heed-tune; empty: none
  std::string tuning;          // of the compiler's choice: Options::tuning
};

// Prints the shapes whose chosen program is more than 3 % slower than another, measured twice, and
// their share. Every program's result is checked before it is timed. Times of one thread are this
// process' processor time.
void sweep_attention(const SweepOptions& options);

}  // namespace heed::bench
