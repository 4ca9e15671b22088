// Parallel loops over work items: what steps run on.
#pragma once
#include <cstdint>
#include <memory>

namespace heed {

// A pool belongs to one session, so that concurrent sessions never wait for one another; whoever
// runs several gives each its share of the cores. Threads start with the first loop that can use
// them, spin a few microseconds after a loop (the next step follows at once) and then sleep.
class ThreadPool {
 public:
  // Computes items [begin, end) on thread `thread` of [0, threads()); returns a status, 0 is fine.
  // Must not throw and must not run a loop of the same pool.
  using Body = std::int32_t (*)(void* context, std::int64_t begin, std::int64_t end, int thread);

  // 0 threads: one a core that this process may use.
  explicit ThreadPool(int threads = 0);
  ThreadPool(ThreadPool&&) noexcept;
  ThreadPool& operator=(ThreadPool&&) noexcept;
  ~ThreadPool();

  int threads() const;

  // Covers [0, work) with ranges of at least `grain` items (but for the last). A thread has a part
  // of its own, range after range, and then takes ranges of those whose parts are not done; the
  // caller is thread 0. One loop at a time. Returns the first status that
  // is not 0, after which ranges not begun are left out. Never allocates once the threads run.
  std::int32_t run(std::int64_t work, std::int64_t grain, Body body, void* context);

  // The same for a callable.
  template <class Callable>
  std::int32_t run(std::int64_t work, std::int64_t grain, Callable& callable) {
    return run(
        work, grain,
        [](void* context, std::int64_t begin, std::int64_t end, int thread) -> std::int32_t {
          return (*static_cast<Callable*>(context))(begin, end, thread);
        },
        &callable);
  }

  void start();  // starts the threads now rather than in the first loop

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Cores that this process may run on.
int available_cores();

// Moves the calling thread to another of the cores that it may run on; whether there is one. It may
// run on `core` again afterwards.
bool leave_core(int core);

}  // namespace heed
