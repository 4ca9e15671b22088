// Programs kept on disk, so that a network is compiled once a machine and not once a process. A
// cache is a directory of program files, each named by its key.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "heed/runtime/abi/program.h"

namespace heed {

// A key is all that a program depends on: the graph, the options, the compiler's build, the CPU.
class CacheKey {
 public:
  void add(std::string_view piece);
  void add(std::span<const std::byte> piece);
  // What "host" means here, and what its code is blocked for.
  void add_cpu();
  std::string text() const;  // 32 hexadecimal digits

 private:
  std::vector<std::byte> bytes_;
};

// Best effort: what is missing, damaged or not its key's is compiled again, and what cannot be
// written is left; `remark` is told why. Processes may share a directory and may be killed: files
// appear whole or not at all.
class ProgramCache {
 public:
  using Remark = std::function<void(std::string_view)>;

  // An empty directory: nothing is kept.
  explicit ProgramCache(std::filesystem::path directory, Remark remark = {});
  // What the environment says: HEED_CACHE, a directory or "off"; where it is not set, heed in
  // XDG_CACHE_HOME or in ~/.cache.
  static std::filesystem::path directory_of_user();

  const std::filesystem::path& directory() const { return directory_; }
  bool keeps() const { return !directory_.empty(); }

  std::optional<abi::Program> read(const CacheKey& key) const;
  // Sets program.key. Whatever was used longest ago goes when the directory holds more than
  // HEED_CACHE_MB, 256 where that is not set.
  void write(const CacheKey& key, abi::Program& program) const;

  struct Entry {
    std::filesystem::path path;
    std::uintmax_t bytes = 0;
    std::filesystem::file_time_type used;  // last written or read
    bool partial = false;                  // being written, or left by a process that was killed
  };
  std::vector<Entry> entries() const;  // used last first
  // What an entry holds, nullopt where it is gone; throws Error saying what is wrong with it.
  static std::optional<abi::Program> open(const std::filesystem::path& entry);
  std::size_t clear() const;  // how many files went; what is being written stays

 private:
  std::filesystem::path path_of(const std::string& key) const;
  void trim() const;
  void remark(const std::string& sentence) const;

  std::filesystem::path directory_;
  Remark remark_;
};

}  // namespace heed
