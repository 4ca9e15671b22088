#include "heed/runtime/vulkan/status.h"

#include <algorithm>
#include <cstring>

namespace heed::vulkan {

StatusWords::StatusWords(const std::shared_ptr<const Device>& device, std::size_t steps)
    : steps_(std::max<std::size_t>(steps, 1)),
      stride_(slice_stride(*device, sizeof(std::int32_t))),
      words_(device, steps_ * stride_, Role::device, "status words") {
  if (!device->is_unified())
    fetched_ = Block(device, words_.size(), Role::download, "status words");
}

Slice StatusWords::of(std::size_t step) const {
  Slice word = words_.whole();
  word.offset = step * stride_;
  word.size = sizeof(std::int32_t);
  return word;
}

void StatusWords::record_clear(Commands& commands) const { commands.clear(words_.whole()); }

void StatusWords::record_fetch(Commands& commands) const {
  if (fetched_.size()) commands.copy(words_.whole(), fetched_.whole(), words_.size());
}

std::optional<StatusWords::Failure> StatusWords::failure() const {
  const std::byte* words = fetched_.size() ? fetched_.whole().host : words_.whole().host;
  for (std::size_t step = 0; step < steps_; ++step) {
    std::int32_t status = 0;
    std::memcpy(&status, words + step * stride_, sizeof status);
    if (status) return Failure{step, status};
  }
  return {};
}

std::size_t slice_stride(const Device& device, std::size_t bytes) {
  const std::size_t alignment =
      std::max<std::size_t>(device.limits().minStorageBufferOffsetAlignment, sizeof(std::int32_t));
  return (bytes + alignment - 1) / alignment * alignment;
}

}  // namespace heed::vulkan
