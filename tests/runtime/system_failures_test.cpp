// What the system refuses is one Error, and nothing is left behind. A program of its own, since it
// stands before libheed's calls of the system.
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "heed/runtime/atomic_file.h"
#include "heed/runtime/code.h"
#include "heed/runtime/program_cache.h"
#include "heed/runtime/session.h"
#include "must_throw.h"
#include "sample_program.h"
#include "temporary.h"

using heed::testing::check_error;
using heed::testing::TemporaryDirectory;

namespace {

enum Call { none, map, protect, positioned_read, plain_read, plain_write, flush, rename_file };

// Of the calls of one kind, `successes` go well, then each fails with `error`; an error of 0 is a
// call that is interrupted first and then moves one byte.
std::atomic<Call> broken{none};
std::atomic<int> successes{0}, error_number{0}, turn{0};

struct Broken {
  Broken(Call call, int error, int good_ones = 0) {
    successes = good_ones;
    error_number = error;
    turn = 0;
    broken = call;
  }
  ~Broken() { broken = none; }
};

bool fails(Call call) { return broken == call && error_number && successes-- <= 0; }
bool dribbles(Call call) { return broken == call && !error_number; }

template <class Function>
Function* real(Function*, const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}
template <class Result>
Result failure(Result result) {
  errno = error_number;
  return result;
}
template <class Move>
ssize_t dribble(std::size_t size, Move move) {
  if (turn++ % 2 == 0) {
    errno = EINTR;
    return -1;
  }
  return move(std::min<std::size_t>(size, 1));
}

}  // namespace

extern "C" {
void* mmap(void* at, std::size_t size, int access, int flags, int file, off_t offset) noexcept {
  static const auto next = real(&mmap, "mmap");
  return fails(map) ? failure(MAP_FAILED) : next(at, size, access, flags, file, offset);
}
int mprotect(void* at, std::size_t size, int access) noexcept {
  static const auto next = real(&mprotect, "mprotect");
  return fails(protect) ? failure(-1) : next(at, size, access);
}
ssize_t pread(int file, void* out, std::size_t size, off_t at) {
  static const auto next = real(&pread, "pread");
  if (dribbles(positioned_read))
    return dribble(size, [&](std::size_t some) { return next(file, out, some, at); });
  return fails(positioned_read) ? failure<ssize_t>(-1) : next(file, out, size, at);
}
ssize_t read(int file, void* out, std::size_t size) {
  static const auto next = real(&read, "read");
  if (dribbles(plain_read))
    return dribble(size, [&](std::size_t some) { return next(file, out, some); });
  return fails(plain_read) ? failure<ssize_t>(-1) : next(file, out, size);
}
ssize_t write(int file, const void* bytes, std::size_t size) {
  static const auto next = real(&write, "write");
  if (dribbles(plain_write))
    return dribble(size, [&](std::size_t some) { return next(file, bytes, some); });
  return fails(plain_write) ? failure<ssize_t>(-1) : next(file, bytes, size);
}
int fsync(int file) {
  static const auto next = real(&fsync, "fsync");
  return fails(flush) ? failure(-1) : next(file);
}
int rename(const char* from, const char* to) noexcept {
  static const auto next = real(&std::rename, "rename");
  return fails(rename_file) ? failure(-1) : next(from, to);
}
}

TEST_CASE("system: memory for code that is refused or may not become executable") {
  const std::vector<std::byte> object = heed::testing::kernel_object();
  check_error(
      [&] {
        const Broken call(map, ENOMEM);
        heed::Code code(object);
      },
      {"bytes of memory for code"});
  for (int good_ones : {0, 1, 2}) {
    CAPTURE(good_ones);
    check_error(
        [&] {
          const Broken call(protect, EACCES, good_ones);
          heed::Code code(object);
        },
        {"memory become executable"});
  }
  const heed::Code code(object);
  CHECK(!code.symbols().empty());
}

TEST_CASE("system: memory for a tensor that is refused") {
  check_error(
      [] {
        const Broken call(map, ENOMEM);
        heed::Tensor(heed::DType::f32, {4096, 4096});
      },
      {"67108864 bytes are needed"});
}

TEST_CASE("system: a checkpoint that cannot be read, at once or while it is bound") {
  const TemporaryDirectory directory;
  const auto path = directory / "weights.safetensors";
  const heed::Program program(heed::testing::sample_program(), 1);
  const heed::Checkpoint whole = heed::testing::sample_checkpoint();
  std::vector<heed::Tensor> tensors;
  std::vector<heed::NamedTensor> named;
  for (const heed::StoredTensor& stored : whole.tensors()) {
    tensors.emplace_back(heed::DType::f32, stored.sizes);
    whole.read(stored, heed::DType::f32, std::as_writable_bytes(tensors.back().as<float>()));
  }
  for (std::size_t i = 0; i < tensors.size(); ++i)
    named.push_back({whole.tensors()[i].name, &tensors[i]});
  heed::save_safetensors(path, named);

  for (int good_ones : {0, 1})
    check_error(
        [&] {
          const Broken call(positioned_read, EIO, good_ones);
          heed::Checkpoint::open(path);
        },
        {"cannot read", "weights.safetensors", std::strerror(EIO)});
  const heed::Checkpoint checkpoint = heed::Checkpoint::open(path);
  check_error(
      [&] {
        const Broken call(positioned_read, EIO, 1);
        program.bind(checkpoint);
      },
      {"cannot read", "weights.safetensors", std::strerror(EIO)});

  // Interrupted calls and short reads are no failures.
  const Broken call(positioned_read, 0);
  heed::Session session = program.bind(heed::Checkpoint::open(path));
  const heed::Tensor x = heed::testing::ramp(1, 4);
  const float* y = session.run(x)[0].as<float>().data();
  CHECK(y[0] == doctest::Approx(heed::testing::sample_value(x.as<float>().data(), 0)));
}

TEST_CASE("system: a program that cannot be written leaves the old one, and no part of a new one") {
  const TemporaryDirectory directory;
  const auto path = directory / "model.heed";
  const heed::Program program(heed::testing::sample_program(), 1);
  program.save(path);
  const auto before = heed::read_file(path).bytes;
  for (const auto& [call, error] :
       {std::pair(plain_write, ENOSPC), std::pair(flush, EIO), std::pair(rename_file, EPERM)}) {
    check_error(
        [&, call = call, error = error] {
          const Broken at(call, error);
          program.save(path);
        },
        {"model.heed", std::strerror(error)});
    CHECK(directory.file_count() == 1);
    CHECK(heed::read_file(path).bytes == before);
  }
  {
    const Broken call(plain_write, 0);
    program.save(path);
  }
  CHECK(heed::read_file(path).bytes == before);
  {
    const Broken call(plain_read, 0);
    CHECK(heed::read_file(path).bytes == before);
  }
  check_error(
      [&] {
        const Broken call(plain_read, EIO);
        heed::Program::open(path);
      },
      {"model.heed", std::strerror(EIO)});
}

TEST_CASE("system: a cache on a full disk or with unreadable entries is a remark") {
  const TemporaryDirectory directory;
  std::string remarks;
  const heed::ProgramCache cache(directory / "programs",
                                 [&](std::string_view remark) { remarks += remark; });
  heed::CacheKey key;
  key.add("network");
  heed::abi::Program program = heed::testing::sample_program();
  {
    const Broken call(plain_write, ENOSPC);
    cache.write(key, program);
  }
  CHECK(remarks.find(std::strerror(ENOSPC)) != remarks.npos);
  CHECK(cache.entries().empty());
  remarks.clear();
  cache.write(key, program);
  {
    const Broken call(plain_read, EIO);
    CHECK(!cache.read(key));
  }
  CHECK(remarks.find(std::strerror(EIO)) != remarks.npos);
  CHECK(cache.read(key));
}
