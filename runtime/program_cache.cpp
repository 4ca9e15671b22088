#include "heed/runtime/program_cache.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "heed/runtime/abi/checksum.h"
#include "heed/runtime/atomic_file.h"
#include "heed/runtime/cpu.h"
#include "heed/runtime/error.h"

namespace heed {

void CacheKey::add(std::span<const std::byte> piece) {
  const std::size_t size = piece.size();  // lengths keep neighbouring pieces apart
  const auto raw = std::as_bytes(std::span(&size, 1));
  bytes_.insert(bytes_.end(), raw.begin(), raw.end());
  bytes_.insert(bytes_.end(), piece.begin(), piece.end());
}

void CacheKey::add(std::string_view piece) { add(std::as_bytes(std::span(piece))); }

bool CacheKey::add_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return false;
  const auto time = std::filesystem::last_write_time(path, error).time_since_epoch().count();
  if (error) return false;
  add(path.string() + " " + std::to_string(size) + " " + std::to_string(time));
  return true;
}

void CacheKey::add_cpu() { add(cpu_features()); }

std::string CacheKey::file_name() const {
  // Two hashes of different starts: no two keys of a machine's life meet.
  std::vector<std::byte> salted{std::byte(1)};
  salted.insert(salted.end(), bytes_.begin(), bytes_.end());
  char name[48];
  std::snprintf(name, sizeof name, "%016llx%016llx.heed",
                static_cast<unsigned long long>(abi::checksum(bytes_)),
                static_cast<unsigned long long>(abi::checksum(salted)));
  return name;
}

std::optional<abi::Program> read_cached(const std::filesystem::path& directory,
                                        const CacheKey& key) {
  std::ifstream file(directory / key.file_name(), std::ios::binary);
  if (!file) return {};
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  try {
    return abi::read_program(std::as_bytes(std::span(bytes)));
  } catch (const Error&) {
    return {};
  }
}

void write_cached(const std::filesystem::path& directory, const CacheKey& key,
                  std::span<const std::byte> program) {
  std::error_code ignored;
  std::filesystem::create_directories(directory, ignored);
  try {
    write_file(directory / key.file_name(), program);
  } catch (const Error&) {
  }
}

}  // namespace heed
