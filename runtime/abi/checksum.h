// The hash of the runtime's own formats and cache keys: FNV-1a over eight bytes at a time. It finds
// damage, it does not resist forgery.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace heed::abi {

inline std::uint64_t checksum(std::span<const std::byte> bytes) {
  std::uint64_t hash = 0xCBF29CE484222325;
  auto mix = [&](std::uint64_t word) {
    hash = (hash ^ word) * 0x100000001B3;
    hash ^= hash >> 29;
  };
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    mix(word);
  }
  std::uint64_t rest = bytes.size();  // the length too, so that trailing zeros count
  for (; i < bytes.size(); ++i) rest = rest << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  mix(rest);
  return hash;
}

}  // namespace heed::abi
