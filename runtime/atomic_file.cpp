#include "heed/runtime/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>

#include "heed/runtime/error.h"

namespace heed {
namespace {

constexpr char own_descriptors[] = "/proc/self/fd/";

// The file that a chain of links leads to, whether it is there or not.
std::filesystem::path end_of_links(std::filesystem::path path) {
  std::error_code none;
  for (auto next = path; !none;
       next = path.parent_path() / std::filesystem::read_symlink(path, none))
    path = next;
  return path;
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path, Written written) : path_(std::move(path)) {
  struct stat status;
  const auto look = written == Written::link_or_device ? ::stat : ::lstat;
  const bool exists = look(path_.c_str(), &status) == 0;
  if (!exists && errno != ENOENT) fail("create");
  if (exists && S_ISDIR(status.st_mode)) {
    errno = EISDIR;
    fail("write");
  }
  if (written == Written::link_or_device && exists && !S_ISREG(status.st_mode)) {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) fail("open");
    replaces_ = false;
    return;
  }
  if (written == Written::link_or_device) path_ = end_of_links(std::move(path_));
  const mode_t mode = exists && S_ISREG(status.st_mode) ? status.st_mode & 0666 : 0644;
  const std::filesystem::path folder = path_.parent_path();
  if (::access(own_descriptors, X_OK) == 0)
    descriptor_ =
        ::open(folder.empty() ? "." : folder.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, mode);
  if (descriptor_ >= 0) return;
  descriptor_ = with_new_name([&](const char* name) {
    return ::open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  });
  if (descriptor_ < 0) temporary_.clear(), fail("create");
}

// A name of another thread, of a process that was killed, or of one with this number in another
// container, is left alone.
template <class Make>
int AtomicFile::with_new_name(Make make) {
  static std::atomic<unsigned> serial{0};
  int result;
  do {
    temporary_ = path_;
    temporary_ +=
        std::string(part_of_name) + std::to_string(getpid()) + "-" + std::to_string(serial++);
    result = make(temporary_.c_str());
  } while (result < 0 && errno == EEXIST);
  return result;
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::commit() {
  if (replaces_) {
    if (::fsync(descriptor_) != 0) fail("write");
    if (temporary_.empty()) give_name();
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail("rename to");
  }
  ::close(descriptor_);
  descriptor_ = -1;
}

// Nothing takes the place of another file but by a name.
void AtomicFile::give_name() {
  const std::string own = own_descriptors + std::to_string(descriptor_);
  const int linked = with_new_name([&](const char* name) {
    return ::linkat(AT_FDCWD, own.c_str(), AT_FDCWD, name, AT_SYMLINK_FOLLOW);
  });
  if (linked == 0) return;
  temporary_.clear();
  fail("create");
}

void AtomicFile::fail(const char* doing) const {
  throw Error("file: cannot ", doing, " '", path_.string(), "': ", system_message(errno));
}

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes,
                Written written) {
  AtomicFile file(path, written);
  file.write(bytes);
  file.commit();
}

std::optional<FileContent> find_file(const std::filesystem::path& path) {
  auto fail = [&](const char* doing, int error) {
    throw Error("file: cannot ", doing, " '", path.string(), "': ", system_message(error));
  };
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 && errno == ENOENT) return {};
  if (descriptor < 0) fail("open", errno);
  const std::unique_ptr<const int, void (*)(const int*)> closed(
      &descriptor, [](const int* open) { ::close(*open); });
  struct stat status;
  if (::fstat(descriptor, &status) != 0) fail("read", errno);
  if (!S_ISREG(status.st_mode)) fail("read", S_ISDIR(status.st_mode) ? EISDIR : EINVAL);
  FileContent content{std::vector<std::byte>(static_cast<std::size_t>(status.st_size)),
                      status.st_uid};
  std::size_t at = 0;
  while (at < content.bytes.size()) {
    const ssize_t got = ::read(descriptor, content.bytes.data() + at, content.bytes.size() - at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read", errno);
    if (got == 0) break;
    at += static_cast<std::size_t>(got);
  }
  content.bytes.resize(at);
  return content;
}

FileContent read_file(const std::filesystem::path& path) {
  std::optional<FileContent> content = find_file(path);
  if (!content) throw Error("file: cannot open '", path.string(), "': ", system_message(ENOENT));
  return std::move(*content);
}

}  // namespace heed
