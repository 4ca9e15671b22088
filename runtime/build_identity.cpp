#include "heed/runtime/build_identity.h"

#include <elf.h>
#include <limits.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

namespace heed {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t most_table_bytes = 1 << 20;  // foreign input: sizes in it are not believed

class ElfFile {
 public:
  explicit ElfFile(const fs::path& path) : file_(path, std::ios::binary) {
    const auto header = table<Elf64_Ehdr>(0, sizeof(Elf64_Ehdr));
    if (header.empty() || std::memcmp(header[0].e_ident, ELFMAG, SELFMAG) != 0 ||
        header[0].e_ident[EI_CLASS] != ELFCLASS64 || header[0].e_machine != EM_X86_64)
      return;
    segments_ = table<Elf64_Phdr>(header[0].e_phoff, header[0].e_phnum * sizeof(Elf64_Phdr));
  }

  bool good() const { return !segments_.empty(); }

  std::string build_id() {
    for (const Elf64_Phdr& segment : segments_) {
      if (segment.p_type != PT_NOTE) continue;
      const std::string notes = text(segment.p_offset, segment.p_filesz);
      Elf64_Nhdr note;
      for (std::size_t at = 0; at + sizeof note <= notes.size();) {
        std::memcpy(&note, notes.data() + at, sizeof note);
        const std::size_t name = at + sizeof note;
        const std::size_t content = name + (std::size_t(note.n_namesz) + 3) / 4 * 4;
        if (content + note.n_descsz > notes.size()) break;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            notes.compare(name, 3, "GNU") == 0)
          return hexadecimal(notes.substr(content, note.n_descsz));
        at = content + (std::size_t(note.n_descsz) + 3) / 4 * 4;
      }
    }
    return {};
  }

  // The strings of the dynamic section's entries with this tag.
  std::vector<std::string> dynamic_strings(std::int64_t tag) {
    std::vector<std::uint64_t> offsets;
    std::uint64_t strings = 0;
    for (const Elf64_Phdr& segment : segments_)
      if (segment.p_type == PT_DYNAMIC)
        for (const auto& entry : table<Elf64_Dyn>(segment.p_offset, segment.p_filesz)) {
          if (entry.d_tag == tag) offsets.push_back(entry.d_un.d_val);
          if (entry.d_tag == DT_STRTAB) strings = file_offset(entry.d_un.d_ptr);
        }
    std::vector<std::string> found;
    for (const std::uint64_t offset : offsets)
      found.emplace_back(text(strings + offset, PATH_MAX).c_str());
    return found;
  }

 private:
  // Fewer bytes where the file ends before.
  std::string text(std::uint64_t offset, std::uint64_t size) {
    std::string bytes(std::min(size, most_table_bytes), '\0');
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(offset));
    file_.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(file_.gcount()));
    return bytes;
  }
  template <class T>
  std::vector<T> table(std::uint64_t offset, std::uint64_t size) {
    const std::string bytes = text(offset, size);
    std::vector<T> entries(bytes.size() / sizeof(T));
    if (!entries.empty()) std::memcpy(entries.data(), bytes.data(), entries.size() * sizeof(T));
    return entries;
  }
  std::uint64_t file_offset(std::uint64_t address) const {
    for (const Elf64_Phdr& s : segments_)
      if (s.p_type == PT_LOAD && address >= s.p_vaddr && address - s.p_vaddr < s.p_filesz)
        return address - s.p_vaddr + s.p_offset;
    return ~std::uint64_t(0) >> 1;
  }
  static std::string hexadecimal(std::string_view bytes) {
    std::string digits;
    for (const char c : bytes)
      for (const int shift : {4, 0})
        digits += "0123456789abcdef"[static_cast<unsigned char>(c) >> shift & 15];
    return digits;
  }

  std::ifstream file_;
  std::vector<Elf64_Phdr> segments_;
};

std::string identity_of(ElfFile& elf, const fs::path& path) {
  const std::string id = elf.build_id();
  if (!id.empty()) return id;
  std::error_code ignored;
  return std::to_string(fs::file_size(path, ignored)) + "-" +
         std::to_string(fs::last_write_time(path, ignored).time_since_epoch().count());
}

// The runpath's directories, $ORIGIN being the library's own.
std::vector<fs::path> directories(ElfFile& elf, const fs::path& library) {
  std::vector<fs::path> found;
  for (const std::int64_t tag : {std::int64_t(DT_RUNPATH), std::int64_t(DT_RPATH)})
    for (const std::string& list : elf.dynamic_strings(tag)) {
      std::istringstream stream(list);
      for (std::string directory; std::getline(stream, directory, ':');) {
        if (directory.starts_with("$ORIGIN"))
          directory = library.parent_path().string() + directory.substr(7);
        found.push_back(directory);
      }
    }
  return found;
}

}  // namespace

std::string build_identity(const fs::path& library, std::span<const std::string_view> prefixes) {
  ElfFile elf(library);
  if (!elf.good()) return {};
  std::string identity = identity_of(elf, library);
  const std::vector<fs::path> places = directories(elf, library);
  for (const std::string& name : elf.dynamic_strings(DT_NEEDED)) {
    if (std::ranges::none_of(prefixes, [&](auto prefix) { return name.starts_with(prefix); }))
      continue;
    identity += " " + name;
    for (const fs::path& place : places)
      if (ElfFile needed(place / name); needed.good()) {
        identity += " " + identity_of(needed, place / name);
        break;
      }
  }
  return identity;
}

}  // namespace heed
