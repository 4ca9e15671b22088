// Where the kernels of several steps report what went wrong.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "heed/runtime/vulkan/commands.h"

namespace heed::vulkan {

class StatusWords {
 public:
  StatusWords(const std::shared_ptr<const Device>& device, std::size_t steps);

  Slice of(std::size_t step) const;
  void record_clear(Commands& commands) const;  // before the first kernel; a barrier must follow
  void record_fetch(Commands& commands) const;  // after the last; a barrier must stand between
  struct Failure {
    std::size_t step;
    std::int32_t status;
  };
  std::optional<Failure> failure() const;  // of the run before, the first step's

 private:
  std::size_t steps_, stride_;
  Block words_, fetched_;  // the latter only where the CPU does not see the former
};

// Bytes from one slice of a buffer to the next that a kernel is given.
std::size_t slice_stride(const Device& device, std::size_t bytes);

}  // namespace heed::vulkan
