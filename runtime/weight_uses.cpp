#include "heed/runtime/weight_uses.h"

#include <algorithm>

namespace heed {

std::vector<std::size_t> last_uses(const abi::Program& program, abi::Place place,
                                   std::size_t count) {
  std::vector<std::size_t> last(count, 0);
  for (std::size_t s = 0; s < program.prepare.size(); ++s)
    for (const abi::BufferRef& ref : program.prepare[s].buffers)
      if (ref.place == place) last[std::size_t(ref.index)] = s;
  for (const abi::Step& step : program.steps)
    for (const abi::BufferRef& ref : step.buffers)
      if (ref.place == place) last[std::size_t(ref.index)] = used_by_sessions;
  for (const abi::Carried& carried : program.carried)
    if (carried.initial.place == place) last[std::size_t(carried.initial.index)] = used_by_sessions;
  return last;
}

std::size_t bytes_of(const abi::Slot& prepared) {
  std::int64_t largest = 0;
  for (const Dim& bytes : prepared.bytes) largest = std::max(largest, bytes.constant);
  return static_cast<std::size_t>(largest);
}

std::size_t bytes_of(const abi::TensorSpec& parameter) {
  return static_cast<std::size_t>(element_count(parameter.type.shape).constant) *
         size_of(parameter.type.dtype);
}

}  // namespace heed
