// SPIR-V's capabilities beside the features of a Vulkan device that they stand for.
#pragma once
#include <span>

#include "heed/runtime/vulkan/device.h"

namespace heed::vulkan {

// All that this runtime knows, at most 64; a module that declares another is refused.
std::span<const Feature> known_features();

// What a device has and what of it is to be enabled: the structs of vkGetPhysicalDeviceFeatures2
// and vkCreateDevice.
class FeatureSet {
 public:
  FeatureSet(const Functions& f, VkPhysicalDevice device);

  std::uint32_t subgroup_size() const { return subgroups_.subgroupSize; }
  std::uint32_t compute_units() const;  // 0 where the driver does not say
  std::uint64_t bits() const;  // a bit for each known feature, set where the device has it
  // To be chained to VkDeviceCreateInfo: what is known is enabled, as far as the device has it, and
  // nothing else.
  const void* chain() const { return &all_; }
  std::span<const char* const> extensions() const { return {extensions_, extension_count_}; }

 private:
  VkPhysicalDeviceFeatures2 all_{};
  VkPhysicalDevice16BitStorageFeatures storage16_{};
  VkPhysicalDeviceVariablePointersFeatures pointers_{};
  VkPhysicalDevice8BitStorageFeatures storage8_{};
  VkPhysicalDeviceShaderFloat16Int8Features small_{};
  VkPhysicalDeviceSubgroupProperties subgroups_{};
  VkPhysicalDeviceShaderSMBuiltinsPropertiesNV nvidia_{};
  VkPhysicalDeviceShaderCorePropertiesAMD amd_{};
  const char* extensions_[2] = {};
  std::size_t extension_count_ = 0;
};

}  // namespace heed::vulkan
