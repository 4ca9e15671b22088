// Reproducible numbers and damaged bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace heed::testing {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {  // splitmix64
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t n) { return next() % n; }

 private:
  std::uint64_t state_;
};

// `bytes` with a few of them changed from `from` on: bits flipped, extreme values, pieces cut or
// moved.
inline std::vector<std::byte> damaged(std::vector<std::byte> bytes, Random& random,
                                      std::size_t from = 0) {
  const std::size_t times = 1 + random.below(4);
  for (std::size_t i = 0; i < times && bytes.size() > from; ++i) {
    const std::size_t at = from + random.below(bytes.size() - from);
    switch (random.below(6)) {
      case 0: bytes[at] ^= std::byte(1 << random.below(8)); break;
      case 1: bytes[at] = std::byte(random.next()); break;
      case 2: bytes[at] = std::byte(random.below(2) ? 0xFF : 0x7F); break;
      case 3:
        for (std::size_t k = at; k < bytes.size() && k < at + 8; ++k) bytes[k] = std::byte(0xFF);
        break;
      case 4: bytes.resize(at); break;
      default: bytes[at] = bytes[from + random.below(bytes.size() - from)];
    }
  }
  return bytes;
}

}  // namespace heed::testing
