// A program's steps in the order in which they are dispatched, loops turn by turn, for one set of sizes.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "heed/runtime/shape_plan.h"
#include "heed/runtime/vulkan/kernels.h"

namespace heed::vulkan {

struct Dispatched {
  std::size_t step = 0;         // index into the program's steps
  std::size_t first_slice = 0;  // index into Schedule::slices, one for each of the step's buffers
  std::size_t first_number = 0;  // index into Schedule::numbers
  bool waits = false;           // for what was dispatched before it, since they may have a buffer in common
};

struct Schedule {
  std::vector<Dispatched> dispatches;
  std::vector<Slice> slices;
  std::vector<std::int32_t> numbers;  // each step's begin where a device can bind a slice
};

// slice_of: of every place but those of a loop. Throws Error where a number has more than 32 bits.
Schedule make_schedule(const abi::Program& program, const ShapePlan& plan, const Device& device,
                       const std::function<Slice(const abi::BufferRef&)>& slice_of);

}  // namespace heed::vulkan
