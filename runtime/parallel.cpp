// One loop = one epoch. The caller describes it, opens `gate`, wakes helpers and takes ranges
// itself. A helper enters through the gate and is counted; when ranges run out the caller closes
// the gate and waits for those inside. A helper that wakes too late finds it closed: nobody waits
// for sleepers.
#include "heed/runtime/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

#include "heed/runtime/error.h"

namespace heed {
namespace {

constexpr int spins = 4000;         // some 100 µs
// A loop's first ranges are so many a thread; of what is left at the end each takes a fraction, so
// that a slow thread keeps nobody waiting for long, but no less than a fraction of the first.
constexpr std::int64_t shares = 4, left_shares = 2, least_fraction = 4;
constexpr std::uint32_t closed = std::uint32_t(1) << 31;

inline void relax() { __builtin_ia32_pause(); }

// Waits until ready() holds for the value, spinning first.
template <class T, class Ready>
T await(const std::atomic<T>& value, Ready&& ready) {
  for (int i = 0; i < spins; ++i) {
    const T now = value.load(std::memory_order_acquire);
    if (ready(now)) return now;
    relax();
  }
  for (;;) {
    const T now = value.load(std::memory_order_acquire);
    if (ready(now)) return now;
    value.wait(now, std::memory_order_acquire);
  }
}

}  // namespace

struct ThreadPool::State {
  // Set by a helper that sleeps or is about to: only then does waking it cost a system call.
  struct alignas(64) Bell {
    std::atomic<std::uint32_t> rings{0};
  };

  explicit State(int count)
      : thread_count(count), bells(std::make_unique<Bell[]>(std::size_t(count))) {}
  ~State() {
    stopping.store(true, std::memory_order_relaxed);
    for (std::size_t i = 1; i <= helpers.size(); ++i) ring(i);
    for (std::thread& helper : helpers) helper.join();
  }

  void ring(std::size_t helper) {
    bells[helper].rings.fetch_add(1, std::memory_order_release);
    bells[helper].rings.notify_one();  // a system call only when it sleeps
  }

  void start() {
    try {
      while (helpers.size() + 1 < std::size_t(thread_count))
        helpers.emplace_back([this, id = int(helpers.size()) + 1] { help(id); });
    } catch (const std::system_error& error) {
      throw Error("threads: ", thread_count, " were asked for, the system starts no more than ",
                  helpers.size() + 1, " (", error.what(), "); ask for fewer with Options::threads");
    }
  }

  void help(int id) {
    std::uint32_t heard = 0;
    for (;;) {
      heard = await(bells[std::size_t(id)].rings, [&](std::uint32_t now) { return now != heard; });
      if (stopping.load(std::memory_order_relaxed)) return;
      if (!enter()) continue;
      take_ranges(id);
      leave();
    }
  }

  bool enter() {
    std::uint32_t now = gate.load(std::memory_order_acquire);
    do {
      if (now & closed) return false;
    } while (!gate.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel,
                                         std::memory_order_acquire));
    return true;
  }
  void leave() {
    if (gate.fetch_sub(1, std::memory_order_acq_rel) == (closed | 1)) gate.notify_one();
  }

  void take_ranges(int id) {
    for (;;) {
      std::int64_t begin = next.load(std::memory_order_relaxed), end = begin;
      do {
        if (begin >= work) return;
        end = begin + range_from(begin);
      } while (!next.compare_exchange_weak(begin, end, std::memory_order_relaxed));
      const std::int32_t result = body(context, begin, end, id);
      if (result == 0) continue;
      std::int32_t none = 0;
      status.compare_exchange_strong(none, result, std::memory_order_relaxed);
      next.store(work, std::memory_order_relaxed);
      return;
    }
  }

  std::int64_t range_from(std::int64_t begin) const {
    const std::int64_t left = work - begin;
    const std::int64_t size = std::clamp(left / left_ranges, least_chunk, chunk);
    return std::min(left, size - size % grain);  // what shares a grain shares its preparation
  }

  std::int32_t run(std::int64_t participants) {
    gate.store(0, std::memory_order_release);
    for (std::int64_t i = 1; i < participants; ++i) ring(std::size_t(i));
    take_ranges(0);
    gate.fetch_or(closed, std::memory_order_acq_rel);
    await(gate, [](std::uint32_t now) { return now == closed; });
    return status.load(std::memory_order_relaxed);
  }

  const int thread_count;
  std::unique_ptr<Bell[]> bells;  // [0] unused: the caller
  std::vector<std::thread> helpers;
  std::atomic<bool> stopping{false};

  // The loop under way; written while the gate is closed and empty.
  Body body = nullptr;
  void* context = nullptr;
  std::int64_t work = 0, grain = 1, chunk = 1, least_chunk = 1, left_ranges = 1;
  alignas(64) std::atomic<std::int64_t> next{0};
  std::atomic<std::int32_t> status{0};
  alignas(64) std::atomic<std::uint32_t> gate{closed};  // closed | helpers inside
};

ThreadPool::ThreadPool(int threads) {
  constexpr int most = 1024;
  if (threads < 0 || threads > most)
    throw Error("threads: ", threads, " were asked for, 0 (one a core) to ", most, " are possible");
  state_ = std::make_unique<State>(threads ? threads : std::min(available_cores(), most));
}
ThreadPool::ThreadPool(ThreadPool&&) noexcept = default;
ThreadPool& ThreadPool::operator=(ThreadPool&&) noexcept = default;
ThreadPool::~ThreadPool() = default;

int ThreadPool::threads() const { return state_->thread_count; }
void ThreadPool::start() { state_->start(); }

std::int32_t ThreadPool::run(std::int64_t work, std::int64_t grain, Body body, void* context) {
  if (work <= 0) return 0;
  State& s = *state_;
  grain = std::max<std::int64_t>(grain, 1);
  const std::int64_t ranges = work / grain + (work % grain != 0);
  const std::int64_t participants = std::min<std::int64_t>(s.thread_count, ranges);
  if (participants == 1) return body(context, 0, work, 0);
  s.start();
  s.body = body;
  s.context = context;
  s.work = work;
  s.grain = grain;
  s.chunk = std::max(grain, work / (participants * shares));
  s.left_ranges = participants * left_shares;
  s.least_chunk = std::max(grain, s.chunk / least_fraction);
  s.next.store(0, std::memory_order_relaxed);
  s.status.store(0, std::memory_order_relaxed);
  return s.run(participants);
}

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(CPU_COUNT(&set), 1);
  return static_cast<int>(std::max(std::thread::hardware_concurrency(), 1u));
}

}  // namespace heed
