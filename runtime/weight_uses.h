// How long a weight is needed: what a binding keeps, and what `prepare` alone needs.
#pragma once
#include <cstddef>
#include <vector>

#include "heed/runtime/abi/program.h"

namespace heed {

inline constexpr std::size_t used_by_sessions = ~std::size_t(0);

// For each of the `count` weights of `place` (parameter, prepared) the last prepare step that uses
// it, or used_by_sessions; nothing used it: 0.
std::vector<std::size_t> last_uses(const abi::Program& program, abi::Place place,
                                   std::size_t count);

std::size_t bytes_of(const abi::Slot& prepared);
std::size_t bytes_of(const abi::TensorSpec& parameter);

}  // namespace heed
