// Programs kept on disk, so that a network is compiled once a machine and not once a process.
#pragma once
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "heed/runtime/abi/program.h"

namespace heed {

// A key is all that a program depends on: the graph, the options, the compiler's build, the CPU.
class CacheKey {
 public:
  void add(std::string_view piece);
  void add(std::span<const std::byte> piece);
  // Identifies a file's build by its path, size and time; false when it is not there.
  bool add_file(const std::filesystem::path& path);
  // What "host" means here.
  void add_cpu();
  std::string file_name() const;

 private:
  std::vector<std::byte> bytes_;
};

// A cache is best effort: what is missing, damaged or written by another version is nullopt, and
// what cannot be written is left. Processes may share the directory.
std::optional<abi::Program> read_cached(const std::filesystem::path& directory,
                                        const CacheKey& key);
void write_cached(const std::filesystem::path& directory, const CacheKey& key,
                  std::span<const std::byte> program);

}  // namespace heed
