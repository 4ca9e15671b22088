// A Vulkan device with its one compute queue.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "heed/runtime/vulkan/functions.h"

namespace heed::vulkan {

// Something that a module may declare and a device may lack.
struct Feature {
  std::uint32_t capability;  // SPIR-V's number
  const char* name;          // SPIR-V's name
  const char* vulkan;        // Vulkan's
};

class Device {
 public:
  Device();
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const Functions& functions() const { return f_; }
  VkDevice handle() const { return device_; }
  const std::string& name() const { return name_; }
  const VkPhysicalDeviceLimits& limits() const { return limits_; }
  bool is_cpu() const { return cpu_; }
  std::uint32_t subgroup_size() const { return subgroup_size_; }
  // That run workgroups side by side; 0 where the driver does not say.
  std::uint32_t compute_units() const { return compute_units_; }
  std::uint32_t queue_family() const { return family_; }
  bool has_timestamps() const { return timestamp_bits_ != 0; }
  // Nanoseconds from one timestamp to a later one.
  double nanoseconds(std::uint64_t first, std::uint64_t second) const;

  // nullptr where the device can run modules that declare it, otherwise what it lacks; capabilities
  // that this runtime does not know throw Error.
  const Feature* lacks(std::uint32_t capability) const;

  // Whether the CPU reads and writes the device's memory as its own: then nothing is copied.
  bool is_unified() const { return unified_; }
  // The best type of memory among `types` (a bit each) that has all of `needed`, -1 where there is
  // none.
  int memory_type(std::uint32_t types, VkMemoryPropertyFlags needed,
                  VkMemoryPropertyFlags wanted) const;
  std::uint64_t memory_bytes() const;  // of the largest heap that is the device's own

  // Throws Error unless the result is a success. doing: "allocating 12 MiB for weights"
  void check(VkResult result, std::string_view doing) const;
  // Runs the commands, returns when they are done. The fence is its caller's alone.
  void run(VkCommandBuffer commands, VkFence fence, std::string_view doing) const;
  bool is_lost() const { return lost_; }

 private:
  void choose();
  void open();

  Functions f_;
  VkInstance instance_ = nullptr;
  VkPhysicalDevice physical_ = nullptr;
  VkDevice device_ = nullptr;
  VkQueue queue_ = nullptr;
  std::string name_;
  VkPhysicalDeviceLimits limits_{};
  VkPhysicalDeviceMemoryProperties memory_{};
  std::uint32_t family_ = 0, timestamp_bits_ = 0, subgroup_size_ = 0, compute_units_ = 0;
  std::uint64_t features_ = 0;  // a bit for each row of the table of features
  bool unified_ = false, cpu_ = false;
  mutable std::atomic<bool> lost_{false};
  mutable std::mutex queue_mutex_;
};

// Owns a handle of the device; Destroy is the member of Functions that destroys it.
template <class T, auto Destroy>
class Owned {
 public:
  Owned() = default;
  Owned(std::shared_ptr<const Device> device, T handle)
      : device_(std::move(device)), handle_(handle) {}
  Owned(Owned&& other) noexcept
      : device_(std::move(other.device_)), handle_(std::exchange(other.handle_, T{})) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Owned() {
    if (handle_) (device_->functions().*Destroy)(device_->handle(), handle_, nullptr);
  }
  T get() const { return handle_; }

 private:
  std::shared_ptr<const Device> device_;
  T handle_{};
};

}  // namespace heed::vulkan
