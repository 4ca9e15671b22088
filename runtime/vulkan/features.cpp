#include "heed/runtime/vulkan/features.h"

#include <cstring>
#include <vector>

namespace heed::vulkan {
namespace {

constexpr Feature table[] = {
    {1, "Shader", "a compute queue"},
    {9, "Float16", "shaderFloat16"},
    {10, "Float64", "shaderFloat64"},
    {11, "Int64", "shaderInt64"},
    {22, "Int16", "shaderInt16"},
    {39, "Int8", "shaderInt8"},
    {61, "GroupNonUniform", "subgroups in compute"},
    {62, "GroupNonUniformVote", "subgroup votes"},
    {63, "GroupNonUniformArithmetic", "subgroup arithmetic"},
    {64, "GroupNonUniformBallot", "subgroup ballots"},
    {65, "GroupNonUniformShuffle", "subgroup shuffles"},
    {66, "GroupNonUniformShuffleRelative", "relative subgroup shuffles"},
    {67, "GroupNonUniformClustered", "clustered subgroup operations"},
    {4433, "StorageBuffer16BitAccess", "storageBuffer16BitAccess"},
    {4434, "UniformAndStorageBuffer16BitAccess", "uniformAndStorageBuffer16BitAccess"},
    {4441, "VariablePointersStorageBuffer", "variablePointersStorageBuffer"},
    {4442, "VariablePointers", "variablePointers"},
    {4448, "StorageBuffer8BitAccess", "storageBuffer8BitAccess"},
    {4449, "UniformAndStorageBuffer8BitAccess", "uniformAndStorageBuffer8BitAccess"},
};
static_assert(std::size(table) <= 64);

bool has_extension(const std::vector<VkExtensionProperties>& list, const char* name) {
  for (const VkExtensionProperties& extension : list)
    if (std::strcmp(extension.extensionName, name) == 0) return true;
  return false;
}

}  // namespace

std::span<const Feature> known_features() { return table; }

FeatureSet::FeatureSet(const Functions& f, VkPhysicalDevice device) {
  std::uint32_t count = 0;
  f.enumerate_device_extension_properties(device, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> available(count);
  f.enumerate_device_extension_properties(device, nullptr, &count, available.data());
  available.resize(count);

  VkPhysicalDeviceProperties2 properties{};
  properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  properties.pNext = &subgroups_;
  subgroups_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES;
  nvidia_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV;
  amd_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CORE_PROPERTIES_AMD;
  if (has_extension(available, VK_NV_SHADER_SM_BUILTINS_EXTENSION_NAME))
    subgroups_.pNext = &nvidia_;
  else if (has_extension(available, VK_AMD_SHADER_CORE_PROPERTIES_EXTENSION_NAME))
    subgroups_.pNext = &amd_;
  f.get_physical_device_properties2(device, &properties);

  all_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  storage16_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES;
  pointers_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VARIABLE_POINTERS_FEATURES;
  storage8_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES;
  small_.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES;
  all_.pNext = &storage16_;
  storage16_.pNext = &pointers_;
  void** end = &pointers_.pNext;
  // Extensions of Vulkan 1.1, part of 1.2.
  auto append = [&](auto& features, const char* extension) {
    const bool extends = has_extension(available, extension);
    if (!extends && properties.properties.apiVersion < VK_API_VERSION_1_2) return;
    if (extends) extensions_[extension_count_++] = extension;
    *end = &features;
    end = &features.pNext;
  };
  append(storage8_, VK_KHR_8BIT_STORAGE_EXTENSION_NAME);
  append(small_, VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME);
  f.get_physical_device_features2(device, &all_);

  VkPhysicalDeviceFeatures used{};
  used.shaderFloat64 = all_.features.shaderFloat64;
  used.shaderInt64 = all_.features.shaderInt64;
  used.shaderInt16 = all_.features.shaderInt16;
  all_.features = used;
}

std::uint32_t FeatureSet::compute_units() const {
  return nvidia_.shaderSMCount + amd_.shaderEngineCount * amd_.shaderArraysPerEngineCount *
                                     amd_.computeUnitsPerShaderArray;
}

std::uint64_t FeatureSet::bits() const {
  auto subgroup = [&](VkSubgroupFeatureFlags operation) {
    return (subgroups_.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
           (subgroups_.supportedOperations & operation);
  };
  const bool has[] = {
      true,
      bool(small_.shaderFloat16),
      bool(all_.features.shaderFloat64),
      bool(all_.features.shaderInt64),
      bool(all_.features.shaderInt16),
      bool(small_.shaderInt8),
      subgroup(VK_SUBGROUP_FEATURE_BASIC_BIT),
      subgroup(VK_SUBGROUP_FEATURE_VOTE_BIT),
      subgroup(VK_SUBGROUP_FEATURE_ARITHMETIC_BIT),
      subgroup(VK_SUBGROUP_FEATURE_BALLOT_BIT),
      subgroup(VK_SUBGROUP_FEATURE_SHUFFLE_BIT),
      subgroup(VK_SUBGROUP_FEATURE_SHUFFLE_RELATIVE_BIT),
      subgroup(VK_SUBGROUP_FEATURE_CLUSTERED_BIT),
      bool(storage16_.storageBuffer16BitAccess),
      bool(storage16_.uniformAndStorageBuffer16BitAccess),
      bool(pointers_.variablePointersStorageBuffer),
      bool(pointers_.variablePointers),
      bool(storage8_.storageBuffer8BitAccess),
      bool(storage8_.uniformAndStorageBuffer8BitAccess),
  };
  static_assert(std::size(has) == std::size(table));
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < std::size(has); ++i) bits |= std::uint64_t(has[i]) << i;
  return bits;
}

}  // namespace heed::vulkan
