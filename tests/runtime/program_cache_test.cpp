// Programs on disk: what is damaged, foreign or too much goes, whoever writes and whenever they
// die.
#include "heed/runtime/program_cache.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heed/runtime/atomic_file.h"
#include "must_throw.h"
#include "random.h"
#include "sample_program.h"
#include "temporary.h"

using heed::CacheKey;
using heed::ProgramCache;
using heed::testing::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

CacheKey key_of(const std::string& text) {
  CacheKey key;
  key.add(text);
  return key;
}

void write(const ProgramCache& cache, const std::string& key, std::size_t padding = 0) {
  heed::abi::Program program = heed::testing::sample_program();
  program.constants.resize(64 + padding / 64 * 64);
  cache.write(key_of(key), program);
}

// A variable of the environment while a test runs.
struct Variable {
  Variable(const char* name, const char* value) : name_(name) {
    const char* old = getenv(name);
    if (old) old_ = old, had_ = true;
    value ? setenv(name, value, 1) : unsetenv(name);
  }
  ~Variable() { had_ ? setenv(name_, old_.c_str(), 1) : unsetenv(name_); }

 private:
  const char* name_;
  std::string old_;
  bool had_ = false;
};

struct Cache : TemporaryDirectory {
  std::string remarks;
  ProgramCache cache{*this / "programs", [this](std::string_view r) { remarks += r; }};
};

}  // namespace

TEST_CASE("cache: keys") {
  CHECK(key_of("a").text().size() == 32);
  CHECK(key_of("a").text() == key_of("a").text());
  CHECK(key_of("a").text() != key_of("b").text());
  CacheKey two, other;
  two.add("ab"), two.add("c");
  other.add("a"), other.add("bc");
  CHECK(two.text() != other.text());
}

TEST_CASE("cache: what is damaged or another key's is not used, and a remark says so") {
  Cache c;
  CHECK(!c.cache.read(key_of("a")));
  write(c.cache, "a");
  REQUIRE(c.cache.read(key_of("a")));
  CHECK(c.cache.read(key_of("a"))->name == "Sample");
  CHECK(!c.cache.read(key_of("b")));
  CHECK(c.remarks.empty());

  const fs::path entry = c.cache.entries().at(0).path;
  fs::copy_file(entry, c.cache.directory() / (key_of("b").text() + ".heed"));
  CHECK(!c.cache.read(key_of("b")));
  CHECK(c.remarks.find("another key") != c.remarks.npos);
  c.remarks.clear();
  fs::resize_file(entry, fs::file_size(entry) - 1);
  CHECK(!c.cache.read(key_of("a")));
  CHECK(c.remarks.find("truncated") != c.remarks.npos);
  CHECK(c.remarks.find(entry.string()) != c.remarks.npos);
  c.remarks.clear();
  heed::write_file(entry, {});
  CHECK(!c.cache.read(key_of("a")));
  CHECK(c.remarks.find("no program") != c.remarks.npos);
  write(c.cache, "a");
  CHECK(c.cache.read(key_of("a")));
}

TEST_CASE("cache: a directory that cannot be written costs a remark") {
  for (const char* place : {"/proc/no/such/place", "/proc/version", "/proc"}) {
    CAPTURE(place);
    std::string remarks;
    const ProgramCache cache(place, [&](std::string_view r) { remarks += r; });
    CHECK(!cache.read(key_of("a")));
    write(cache, "a");
    CHECK(remarks.find("nothing is kept") != remarks.npos);
    CHECK(!cache.read(key_of("a")));
  }
}

TEST_CASE("cache: the environment chooses the directory") {
  {
    const Variable chosen("HEED_CACHE", "/somewhere");
    CHECK(ProgramCache::directory_of_user() == "/somewhere");
  }
  for (const char* none : {"off", ""}) {
    const Variable chosen("HEED_CACHE", none);
    CHECK(ProgramCache::directory_of_user().empty());
  }
  const Variable chosen("HEED_CACHE", nullptr), home("HOME", "/home/u");
  {
    const Variable caches("XDG_CACHE_HOME", "/caches");
    CHECK(ProgramCache::directory_of_user() == "/caches/heed");
  }
  const Variable caches("XDG_CACHE_HOME", "not/absolute");
  CHECK(ProgramCache::directory_of_user() == "/home/u/.cache/heed");
  const Variable homeless("HOME", nullptr);
  CHECK(ProgramCache::directory_of_user().empty());
}

TEST_CASE("cache: bounded, what was used longest ago goes first") {
  Cache c;
  const Variable bound("HEED_CACHE_MB", "1");
  auto age = [&](const std::string& key, int minutes) {
    fs::last_write_time(c.cache.directory() / (key_of(key).text() + ".heed"),
                        fs::file_time_type::clock::now() - std::chrono::minutes(minutes));
  };
  for (int i = 0; i < 4; ++i) {
    write(c.cache, std::to_string(i), 200'000);
    age(std::to_string(i), 10 - i);
  }
  CHECK(c.cache.entries().size() == 4);
  CHECK(c.cache.read(key_of("0")));  // used now
  write(c.cache, "4", 200'000);
  write(c.cache, "5", 200'000);
  CHECK(c.cache.read(key_of("0")));
  CHECK(!c.cache.read(key_of("1")));
  CHECK(c.cache.read(key_of("5")));
  std::uintmax_t total = 0;
  for (const auto& entry : c.cache.entries()) total += entry.bytes;
  CHECK(total <= 1 << 20);
}

TEST_CASE("cache: a bound that is no number costs a remark, and the usual one holds") {
  for (const char* nonsense : {"many", "-1", "0", "1 GB", "99999999999"}) {
    CAPTURE(nonsense);
    Cache c;
    const Variable bound("HEED_CACHE_MB", nonsense);
    write(c.cache, "a");
    CHECK(c.remarks.find(std::string("HEED_CACHE_MB is '") + nonsense) != c.remarks.npos);
    CHECK(c.cache.read(key_of("a")));
  }
}

// Where the folder is shared somebody else may have put it there.
TEST_CASE("cache: a link in a program's place is replaced, not followed") {
  Cache c;
  write(c.cache, "a");
  const fs::path entry = c.cache.entries().at(0).path, other = c / "other";
  fs::remove(entry);
  heed::testing::write_bytes(other, {});
  fs::create_symlink(other, entry);
  write(c.cache, "a");
  CHECK(fs::is_empty(other));
  CHECK(fs::symlink_status(entry).type() == fs::file_type::regular);
}

TEST_CASE("cache: what killed processes leave goes, what is being written stays") {
  Cache c;
  write(c.cache, "a");
  const fs::path left = c.cache.entries().at(0).path.string() + ".part-1-0";
  const fs::path fresh = c.cache.entries().at(0).path.string() + ".part-2-0";
  const fs::path foreign = c.cache.directory() / "notes.txt";
  for (const fs::path& path : {left, fresh, foreign}) heed::testing::write_bytes(path, {});
  fs::last_write_time(left, fs::file_time_type::clock::now() - std::chrono::hours(2));
  fs::last_write_time(foreign, fs::file_time_type::clock::now() - std::chrono::hours(2));
  write(c.cache, "b");
  CHECK(!fs::exists(left));
  CHECK(fs::exists(fresh));
  CHECK(c.cache.clear() == 2);
  CHECK(fs::exists(fresh));
  CHECK(fs::exists(foreign));
  CHECK(c.cache.entries().size() == 1);
}

TEST_CASE("cache: processes that write, read and clear at once, and are killed at any point") {
  Cache c;
  const Variable bound("HEED_CACHE_MB", "1");
  heed::testing::Random random(11);
  std::vector<pid_t> workers;
  auto start = [&](unsigned seed) {
    const pid_t child = fork();
    if (child == 0) {
      heed::testing::Random own(seed);
      for (;;) {  // until killed; leaves by itself only when a program read is not the one written
        const std::string key = std::to_string(own.below(40));
        if (own.below(200) == 0) c.cache.clear();
        if (const auto program = c.cache.read(key_of(key)); !program)
          write(c.cache, key, 40'000);
        else if (program->key != key_of(key).text() || program->name != "Sample")
          _exit(1);
        if (!c.remarks.empty()) _exit(2);
      }
    }
    workers.push_back(child);
  };
  for (unsigned n = 0; n < 40; ++n) {
    start(n);
    if (workers.size() < 3) continue;
    usleep(useconds_t(random.below(30'000)));
    const pid_t victim = workers.front();
    workers.erase(workers.begin());
    kill(victim, SIGKILL);
    int status = 0;
    waitpid(victim, &status, 0);
    CAPTURE(status);
    CHECK(WIFSIGNALED(status));
  }
  for (const pid_t worker : workers) {
    kill(worker, SIGKILL);
    waitpid(worker, nullptr, 0);
  }
  for (const auto& entry : c.cache.entries())
    if (!entry.partial) CHECK_NOTHROW(ProgramCache::open(entry.path));
  write(c.cache, "after");
  CHECK(c.cache.read(key_of("after")));
  CHECK(c.remarks.empty());
}
