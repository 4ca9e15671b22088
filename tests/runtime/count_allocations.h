// Counts what everything in the process asks operator new for, libheed included: linked in, it
// replaces that operator.
#pragma once
#include <atomic>

namespace heed::testing {

const std::atomic<long>& allocations();

}  // namespace heed::testing
