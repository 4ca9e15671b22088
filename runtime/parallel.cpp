// One loop = one epoch. The caller describes it, opens `gate`, wakes helpers and takes ranges
// itself. A helper enters through the gate and is counted; when ranges run out the caller closes
// the gate and waits for those inside. A helper that wakes too late finds it closed: nobody waits
// for sleepers. Systems wake a thread on the core of who wakes it, and may leave both there for
// milliseconds while others idle: a helper that finds itself on the caller's core leaves it.
#include "heed/runtime/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <system_error>
#include <thread>
#include <vector>

#include "heed/runtime/error.h"

namespace heed {
namespace {

constexpr int spins = 4000;  // some 100 µs
// A part's first ranges are so many; of what is left of it each takes a fraction, so that a slow
// thread keeps nobody waiting for long, but no less than a fraction of the first.
constexpr std::int64_t shares = 4;
constexpr std::uint32_t left_share = 2, least_fraction = 4;
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

  // What is left of a thread's part of a loop: units [front, back).
  struct Left {
    std::uint32_t front = 0, back = 0;
  };
  struct alignas(64) Part {
    std::atomic<Left> left;
    static_assert(std::atomic<Left>::is_always_lock_free);
  };

  explicit State(int count)
      : thread_count(count),
        bells(std::make_unique<Bell[]>(std::size_t(count))),
        parts(std::make_unique<Part[]>(std::size_t(count))) {}
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
      if (has_room) keep_apart();
      if (!enter()) continue;
      take_ranges(id);
      leave();
    }
  }

  // Not again and again: where all cores are busy there is no better place.
  void keep_apart() {
    constexpr std::chrono::milliseconds pause{5};
    const int core = sched_getcpu();
    if (core < 0 || core != caller_core.load(std::memory_order_relaxed)) return;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const auto before = std::chrono::nanoseconds(left_at.load(std::memory_order_relaxed));
    if (now - before < pause) return;
    left_at.store(std::chrono::nanoseconds(now).count(), std::memory_order_relaxed);
    leave_core(core);
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

  // Its own part from the front, in the order in which kernels fetch ahead; then, from the back,
  // what others have not come to.
  void take_ranges(int id) {
    for (int n = 0; n < participants; ++n) {
      Part& part = part_of((id + n) % participants);
      for (Left range = take(part, n > 0); range.front < range.back; range = take(part, n > 0)) {
        const std::int64_t end = std::min(work, range.back * unit);
        const std::int32_t result = body(context, range.front * unit, end, id);
        if (result == 0) continue;
        std::int32_t none = 0;
        status.compare_exchange_strong(none, result, std::memory_order_relaxed);
        for (int p = 0; p < participants; ++p) part_of(p).left.store({}, std::memory_order_relaxed);
        return;
      }
    }
  }

  Left take(Part& part, bool from_back) const {
    Left now = part.left.load(std::memory_order_relaxed), rest, range;
    do {
      const std::uint32_t left = now.back - now.front;
      if (left == 0) return {};
      const std::uint32_t size = std::min(left, std::clamp(left / left_share, least_chunk, chunk));
      rest = range = now;
      if (from_back) rest.back = range.front = now.back - size;
      else rest.front = range.back = now.front + size;
    } while (!part.left.compare_exchange_weak(now, rest, std::memory_order_relaxed));
    return range;
  }

  // Into parts of as many units, which are of `grain` items unless there would be too many.
  void divide(std::int64_t grain) {
    constexpr std::int64_t most_units = std::int64_t(1) << 31;
    const std::int64_t grains = work / grain + (work % grain != 0);
    unit = grain * (grains / most_units + 1);
    const std::int64_t units = work / unit + (work % unit != 0);
    chunk = std::uint32_t(std::max<std::int64_t>(1, units / (participants * shares)));
    least_chunk = std::max<std::uint32_t>(1, chunk / least_fraction);
    for (int p = 0; p < participants; ++p) {
      auto up_to = [&](int parts) { return std::uint32_t(units * parts / participants); };
      part_of(p).left.store({up_to(p), up_to(p + 1)}, std::memory_order_relaxed);
    }
  }
  Part& part_of(int thread) { return parts[std::size_t(thread)]; }

  std::int32_t run() {
    caller_core.store(sched_getcpu(), std::memory_order_relaxed);
    gate.store(0, std::memory_order_release);
    for (int i = 1; i < participants; ++i) ring(std::size_t(i));
    take_ranges(0);
    gate.fetch_or(closed, std::memory_order_acq_rel);
    await(gate, [](std::uint32_t now) { return now == closed; });
    return status.load(std::memory_order_relaxed);
  }

  const int thread_count;
  std::unique_ptr<Bell[]> bells;  // [0] unused: the caller
  std::unique_ptr<Part[]> parts;
  std::vector<std::thread> helpers;
  std::atomic<bool> stopping{false};
  const bool has_room = thread_count <= available_cores();
  std::atomic<int> caller_core{-1};
  std::atomic<std::int64_t> left_at{0};  // when a helper left its core last, ns

  // The loop under way; written while the gate is closed and empty.
  Body body = nullptr;
  void* context = nullptr;
  int participants = 1;
  std::int64_t work = 0, unit = 1;           // items
  std::uint32_t chunk = 1, least_chunk = 1;  // units
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
  const std::int64_t grains = work / grain + (work % grain != 0);
  const auto participants = int(std::min<std::int64_t>(s.thread_count, grains));
  if (participants == 1) return body(context, 0, work, 0);
  s.start();
  s.body = body;
  s.context = context;
  s.work = work;
  s.participants = participants;
  s.divide(grain);
  s.status.store(0, std::memory_order_relaxed);
  return s.run();
}

bool leave_core(int core) {
  cpu_set_t all;
  if (sched_getaffinity(0, sizeof all, &all) != 0) return false;
  cpu_set_t others = all;
  CPU_CLR(std::size_t(core), &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return false;
  return sched_setaffinity(0, sizeof all, &all) == 0;
}

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(CPU_COUNT(&set), 1);
  return static_cast<int>(std::max(std::thread::hardware_concurrency(), 1u));
}

}  // namespace heed
