// CONTRACT 2, the code half: how compiled code is called. C types only; nothing may throw across
// it.
#pragma once
#include <cstdint>

namespace heed::abi {

// Computes work items [begin, end) of a step.
//   buffers  base pointers of the step's tensors, in the step's order, 64-byte aligned unless they
//            are the caller's
//   dims     values of the step's run-time dimensions, in the step's order
//   scratch  the calling thread's own memory, 64-byte aligned, as large as the step asks for
// Returns 0, or a code from `KernelStatus`. The result never depends on how a range is cut.
using Kernel = std::int32_t (*)(void* const* buffers, const std::int64_t* dims, std::int64_t begin,
                                std::int64_t end, void* scratch);

// What attention keeps at the start of its scratch, 64-bit numbers: under a mask, what is added to
// where the step says that it counts; and which keys are packed behind, of which batch index, where
// it says that it packs once. Before a launch no batch index is.
enum AttentionState {
  tiles_in_all,
  tiles_visited,
  tile_counters,
  packed_batch = tile_counters,
  packed_low,
  packed_high,
  attention_state,
};
inline void forget_packed(void* scratch) { static_cast<std::int64_t*>(scratch)[packed_batch] = -1; }

enum KernelStatus : std::int32_t {
  kernel_ok = 0,
  // a gather's index; also what the reference target's bounds checks return
  kernel_index_out_of_range = 1,
};

}  // namespace heed::abi
