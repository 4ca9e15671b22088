// Running one step of a program on a pool.
#pragma once
#include <cstddef>
#include <cstdint>

#include "heed/runtime/abi/kernel.h"
#include "heed/runtime/parallel.h"

namespace heed {

// A step with its addresses and numbers.
struct BoundStep {
  abi::Kernel kernel = nullptr;
  void* const* buffers = nullptr;
  const std::int64_t* dims = nullptr;
  std::int64_t work = 0, grain = 1;
  bool packs_once = false;
};

// scratch: `stride` bytes for each of the pool's threads. Returns the kernel's status.
inline std::int32_t run_step(ThreadPool& pool, const BoundStep& step, std::byte* scratch,
                             std::size_t stride) {
  if (step.packs_once)
    for (int thread = 0; thread < pool.threads(); ++thread)
      abi::forget_packed(scratch + std::size_t(thread) * stride);
  auto body = [&](std::int64_t begin, std::int64_t end, int thread) {
    return step.kernel(step.buffers, step.dims, begin, end, scratch + std::size_t(thread) * stride);
  };
  return pool.run(step.work, step.grain, body);
}

}  // namespace heed
