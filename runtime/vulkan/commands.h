// Commands for a device: recorded once, in parts, each run as often as wanted.
#pragma once
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "heed/runtime/vulkan/buffers.h"

namespace heed::vulkan {

class Commands {
 public:
  explicit Commands(std::shared_ptr<const Device> device);

  void begin();  // the first part; what was recorded before is forgotten
  void next();   // ends a part and begins the one behind it
  void end();
  void run(std::string_view doing, std::size_t part = 0) const;  // waits for its end

  void copy(const Slice& from, const Slice& to, VkDeviceSize size);
  void clear(const Slice& slice);
  // What the first stages have written is what the second see.
  enum Stage { kernels = 1, copies = 2, cpu = 4 };
  void barrier(int before, int after);

  VkCommandBuffer buffer() const { return buffers_[part_]; }  // of the part that is recorded
  const std::shared_ptr<const Device>& device() const { return device_; }

 private:
  void begin_part();

  std::shared_ptr<const Device> device_;
  Owned<VkCommandPool, &Functions::destroy_command_pool> pool_;
  std::vector<VkCommandBuffer> buffers_;  // of the pool, one for each part
  std::size_t part_ = 0;
  Owned<VkFence, &Functions::destroy_fence> fence_;
};

// Copies from the CPU at once, by way of a piece of staging memory where the device is not unified.
class Uploader {
 public:
  explicit Uploader(std::shared_ptr<const Device> device) : commands_(std::move(device)) {}
  void upload(std::span<const std::byte> bytes, const Slice& to);

 private:
  Commands commands_;
  Block staging_;
};

}  // namespace heed::vulkan
