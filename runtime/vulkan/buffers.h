// Memory of a device: slices of a few large buffers, and the way of data into them.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "heed/runtime/vulkan/device.h"

namespace heed::vulkan {

struct Slice {
  VkBuffer buffer = nullptr;
  VkDeviceSize offset = 0, size = 0;
  std::byte* host = nullptr;  // where the CPU sees it; nullptr where it does not

  bool operator==(const Slice&) const = default;
};

enum class Role {
  device,    // what kernels work on; seen by the CPU on a unified device
  upload,    // written by the CPU, copied from
  download,  // copied to, read by the CPU
};

// One buffer in memory of its own.
class Block {
 public:
  Block() = default;
  // Throws Error naming `what` where there is not that much memory.
  Block(const std::shared_ptr<const Device>& device, VkDeviceSize size, Role role,
        const char* what);
  Slice whole() const { return {buffer_.get(), 0, size_, host_}; }
  VkDeviceSize size() const { return size_; }

 private:
  Owned<VkDeviceMemory, &Functions::free_memory> memory_;
  Owned<VkBuffer, &Functions::destroy_buffer> buffer_;  // goes before its memory
  VkDeviceSize size_ = 0;
  std::byte* host_ = nullptr;
};

// As many slices as are asked for; each may be bound as a storage buffer.
class Pool {
 public:
  Pool(std::shared_ptr<const Device> device, Role role, const char* what)
      : device_(std::move(device)), role_(role), what_(what) {}

  // What was there is lost. Blocks are kept as far as they are large enough. Throws Error where a
  // slice is larger than the device can bind, or where memory is lacking.
  void resize(std::span<const std::size_t> sizes);
  const Slice& operator[](std::size_t index) const { return slices_[index]; }
  std::size_t size() const { return slices_.size(); }
  std::size_t size_bytes() const;

 private:
  std::shared_ptr<const Device> device_;
  Role role_;
  const char* what_;
  std::vector<Block> blocks_;
  std::vector<Slice> slices_;
};

// Throws Error naming `what` where a slice of `size` bytes cannot be bound.
void require_range(const Device& device, std::size_t size, const std::string& what);

}  // namespace heed::vulkan
