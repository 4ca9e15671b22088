// Files that appear whole or not at all.
#pragma once
#include <cstddef>
#include <filesystem>
#include <span>

namespace heed {

// Writes beside `path` and takes its place in `commit`; without it nothing is left behind.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);  // throws Error where it cannot be created
  AtomicFile(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::span<const std::byte> bytes);  // throws Error, such as on a full disk
  void commit();

 private:
  [[noreturn]] void fail(const char* doing) const;

  std::filesystem::path path_, temporary_;
  int descriptor_ = -1;
};

// All of `bytes` as the file `path`.
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace heed
