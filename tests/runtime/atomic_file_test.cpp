// Files that are written whole: what may stand in their place already.
#include "heed/runtime/atomic_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "must_throw.h"
#include "temporary.h"

using heed::testing::check_error;
using heed::testing::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

constexpr std::byte letters[] = {std::byte('a'), std::byte('b')};

std::size_t written_to(const fs::path& path) { return heed::read_file(path).bytes.size(); }

}  // namespace

TEST_CASE("file: links stay, what they lead to is written") {
  const TemporaryDirectory directory;
  heed::testing::write_bytes(directory / "old", {});
  fs::create_directory(directory / "folder");
  fs::create_symlink("../old", directory / "folder/link");
  fs::create_symlink("folder/link", directory / "chain");
  heed::write_file(directory / "chain", letters);
  CHECK(written_to(directory / "old") == 2);
  fs::create_symlink("new", directory / "dangling");
  heed::write_file(directory / "dangling", letters);
  CHECK(written_to(directory / "new") == 2);
  for (const char* link : {"folder/link", "chain", "dangling"})
    CHECK(fs::is_symlink(directory / link));
  fs::create_symlink("circle", directory / "circle");
  check_error([&] { heed::write_file(directory / "circle", letters); }, {"circle", "Too many"});
  CHECK(directory.file_count() == 6);
}

TEST_CASE(
    "file: a process that is killed while it writes leaves what was there, and nothing else") {
  const TemporaryDirectory directory;
  heed::testing::write_bytes(directory / "file", {});
  const pid_t writer = fork();
  if (writer == 0) {
    heed::AtomicFile file(directory / "file");
    file.write(letters);
    raise(SIGKILL);
  }
  int status = 0;
  REQUIRE(waitpid(writer, &status, 0) == writer);
  CHECK(WTERMSIG(status) == SIGKILL);
  CHECK(written_to(directory / "file") == 0);
  CHECK(directory.file_count() == 1);
}

TEST_CASE("file: devices and pipes stay, they are given the bytes") {
  const TemporaryDirectory directory;
  const fs::path pipe = directory / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  heed::write_file(pipe, letters);
  char found[3];
  CHECK(read(reader, found, sizeof found) == 2);
  close(reader);
  CHECK(fs::is_fifo(pipe));
  fs::create_symlink("/dev/full", directory / "full");
  check_error([&] { heed::write_file(directory / "full", letters); },
              {"write", "full", "No space"});
  CHECK(fs::is_character_file("/dev/full"));
}

TEST_CASE("file: a folder is no file, and who could not read the old file cannot read the new") {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "folder");
  check_error([&] { heed::write_file(directory / "folder", letters); }, {"Is a directory"});
  check_error([&] { heed::write_file(directory / "old/file", letters); }, {"cannot create"});
  heed::testing::write_bytes(directory / "old", {});
  check_error([&] { heed::write_file(directory / "old/file", letters); }, {"Not a directory"});
  fs::permissions(directory / "old", fs::perms::owner_read | fs::perms::owner_write);
  heed::write_file(directory / "old", letters);
  CHECK(fs::status(directory / "old").permissions() ==
        (fs::perms::owner_read | fs::perms::owner_write));
  CHECK(directory.file_count() == 2);
}
