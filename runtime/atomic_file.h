// Files that appear whole or not at all, and are read whole.
#pragma once
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace heed {

// In the name that a file has before it takes another's place; where the file system knows no files
// without a name, what a killed process leaves has it, too.
inline constexpr std::string_view part_of_name = ".part-";

// What may stand at a path that is written to. `link_or_device`: a link leads to the file that is
// written; devices and pipes cannot be replaced, they are given the bytes as they come. `own_file`:
// all but a folder is replaced, for folders where others may put links.
enum class Written { link_or_device, own_file };

// Writes a file without a name, which takes the place of `path` in `commit`: whatever ends the
// process before leaves nothing behind. Others may read the file where they could read the one
// before.
class AtomicFile {
 public:
  // Throws Error where it cannot be created, or `path` is a folder.
  explicit AtomicFile(std::filesystem::path path, Written written = Written::link_or_device);
  AtomicFile(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::span<const std::byte> bytes);  // throws Error, such as on a full disk
  void commit();

 private:
  [[noreturn]] void fail(const char* doing) const;
  // make(name) until there was no file of that name: its result, of which negative is a failure.
  template <class Make>
  int with_new_name(Make make);
  void give_name();

  std::filesystem::path path_, temporary_;  // no temporary_: it has no name, or it is path_
  int descriptor_ = -1;
  bool replaces_ = true;  // false: bytes go to path_ as they come
};

// All of `bytes` as the file `path`.
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes,
                Written written = Written::link_or_device);

struct FileContent {
  std::vector<std::byte> bytes;
  unsigned owner = 0;  // user number
};
// Throw Error where it cannot be read; where there is no such file, only read_file does.
FileContent read_file(const std::filesystem::path& path);
std::optional<FileContent> find_file(const std::filesystem::path& path);

}  // namespace heed
