#include "heed/runtime/program_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "heed/runtime/abi/checksum.h"
#include "heed/runtime/atomic_file.h"
#include "heed/runtime/cpu.h"
#include "heed/runtime/error.h"

namespace heed {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view extension = ".heed";
constexpr std::uint32_t usual_megabytes = 256;
constexpr auto abandoned_after = std::chrono::minutes(10);  // no program takes that long to write

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// What HEED_CACHE_MB says, the usual size where it says nothing, 0 where it makes no sense.
std::uint32_t most_megabytes() {
  const std::string text = variable("HEED_CACHE_MB");
  std::uint32_t most = text.empty() ? usual_megabytes : 0;
  const char* end = text.data() + text.size();
  return std::from_chars(text.data(), end, most).ptr == end ? most : 0;
}

bool abandoned(const ProgramCache::Entry& partial) {
  return fs::file_time_type::clock::now() - partial.used > abandoned_after;
}

bool removed(const fs::path& path) {
  std::error_code ignored;  // another process may have removed it
  return fs::remove(path, ignored);
}

}  // namespace

void CacheKey::add(std::span<const std::byte> piece) {
  const std::size_t size = piece.size();  // lengths keep neighbouring pieces apart
  const auto raw = std::as_bytes(std::span(&size, 1));
  bytes_.insert(bytes_.end(), raw.begin(), raw.end());
  bytes_.insert(bytes_.end(), piece.begin(), piece.end());
}

void CacheKey::add(std::string_view piece) { add(std::as_bytes(std::span(piece))); }

void CacheKey::add_cpu() {
  add(cpu_features());
  add(std::to_string(sysconf(_SC_LEVEL1_DCACHE_SIZE)));
  add(std::to_string(sysconf(_SC_LEVEL2_CACHE_SIZE)));
}

std::string CacheKey::text() const {
  // Two hashes of different starts: no two keys of a machine's life meet.
  std::vector<std::byte> salted{std::byte(1)};
  salted.insert(salted.end(), bytes_.begin(), bytes_.end());
  char digits[33];
  std::snprintf(digits, sizeof digits, "%016llx%016llx",
                static_cast<unsigned long long>(abi::checksum(bytes_)),
                static_cast<unsigned long long>(abi::checksum(salted)));
  return digits;
}

ProgramCache::ProgramCache(fs::path directory, Remark remark)
    : directory_(std::move(directory)), remark_(std::move(remark)) {}

fs::path ProgramCache::directory_of_user() {
  if (std::getenv("HEED_CACHE")) {
    const std::string chosen = variable("HEED_CACHE");
    return chosen == "off" ? fs::path() : fs::path(chosen);
  }
  const fs::path caches = variable("XDG_CACHE_HOME"), home = variable("HOME");
  if (caches.is_absolute()) return caches / "heed";
  return home.is_absolute() ? home / ".cache" / "heed" : fs::path();
}

fs::path ProgramCache::path_of(const std::string& key) const {
  return directory_ / (key + std::string(extension));
}

void ProgramCache::remark(const std::string& sentence) const {
  if (remark_) remark_("cache: " + sentence);
}

std::optional<abi::Program> ProgramCache::open(const fs::path& entry) {
  const std::optional<FileContent> content = find_file(entry);
  if (!content) return {};
  // Code runs from it.
  if (content->owner != geteuid() && content->owner != 0)
    throw Error("program: it belongs to user ", content->owner, " and neither to root nor to user ",
                geteuid(), ", who runs this");
  abi::Program program = abi::read_program(content->bytes);
  if (program.key != entry.stem().string())
    throw Error("program: it is the program of another key, '", program.key, "'");
  return program;
}

std::optional<abi::Program> ProgramCache::read(const CacheKey& key) const {
  if (!keeps()) return {};
  const fs::path path = path_of(key.text());
  try {
    std::optional<abi::Program> program = open(path);
    // Used now; that a read-only directory does not tell is no matter.
    if (program) utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
    return program;
  } catch (const Error& problem) {
    remark("'" + path.string() + "' is not used, the network is compiled again: " + problem.what());
    return {};
  }
}

void ProgramCache::write(const CacheKey& key, abi::Program& program) const {
  if (!keeps()) return;
  program.key = key.text();
  std::error_code error;
  if (fs::create_directories(directory_.parent_path(), error); !error)
    if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST)
      error = std::error_code(errno, std::generic_category());
  if (error)
    return remark("'" + directory_.string() +
                  "' cannot be made, nothing is kept: " + error.message());
  try {
    write_file(path_of(program.key), abi::write_program(program), Written::own_file);
  } catch (const Error& problem) {
    return remark(std::string("nothing is kept: ") + problem.what());
  }
  trim();
}

std::vector<ProgramCache::Entry> ProgramCache::entries() const {
  std::vector<Entry> found;
  std::error_code error;
  for (fs::directory_iterator at(directory_, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    const bool partial = name.find(std::string(extension) + std::string(part_of_name)) != name.npos;
    if (!partial && at->path().extension() != extension) continue;  // not ours
    std::error_code gone;
    const Entry entry{at->path(), at->file_size(gone), at->last_write_time(gone), partial};
    if (!gone) found.push_back(entry);
  }
  std::ranges::sort(found, std::greater(), &Entry::used);
  return found;
}

void ProgramCache::trim() const {
  std::uintmax_t total = 0;
  std::uintmax_t most = most_megabytes();
  if (most == 0) {
    most = usual_megabytes;
    remark("HEED_CACHE_MB is '" + variable("HEED_CACHE_MB") +
           "', a whole number from 1 on is needed; " + std::to_string(most) + " MB are kept");
  }
  most <<= 20;
  for (const Entry& entry : entries()) {
    total += entry.bytes;
    if (entry.partial ? abandoned(entry) : total > most)
      if (removed(entry.path)) total -= entry.bytes;
  }
}

std::size_t ProgramCache::clear() const {
  std::size_t count = 0;
  for (const Entry& entry : entries())
    if (!entry.partial || abandoned(entry)) count += removed(entry.path);
  return count;
}

}  // namespace heed
