// Stands before the real libvulkan (HEED_VULKAN_LIBRARY) and changes what HEED_FAKE_VULKAN lists,
// "shared=8,lost=2":
//   no_driver             vkCreateInstance finds none
//   once                  it finds none either when all instances have been destroyed since
//   old                   a loader of version 1.0
//   no_devices            none is listed
//   pair                  before the real device stands another, 'Fake Discrete', a discrete GPU
//   discrete              the real one says that it is a discrete GPU: nothing is unified
//   int64, bytes          the feature is missing
//   range=, shared=, invocations=, buffers=, alignment=   a limit
//   no_timestamps         of the queue
//   memory=               bytes that vkAllocateMemory gives at most
//   lost=                 submissions that go well before the device is lost
//   refuses               every submission, with a result that the specification may yet gain
#include <dlfcn.h>
#include <vulkan/vulkan_core.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

namespace {

std::optional<long> asked(const char* word) {
  const char* list = std::getenv("HEED_FAKE_VULKAN");
  const std::string text = std::string(",") + (list ? list : "") + ",",
                    key = std::string(",") + word;
  const std::size_t at = text.find(key);
  if (at == text.npos) return {};
  const char* behind = text.c_str() + at + key.size();
  if (*behind == ',') return 1;
  return *behind == '=' ? std::optional(std::strtol(behind + 1, nullptr, 10)) : std::nullopt;
}

PFN_vkGetInstanceProcAddr loader() {
  static const auto get = reinterpret_cast<PFN_vkGetInstanceProcAddr>(
      dlsym(dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL), "vkGetInstanceProcAddr"));
  return get;
}

VkInstance the_instance = nullptr;
VkPhysicalDevice the_device = nullptr;
const auto other_device = reinterpret_cast<VkPhysicalDevice>(&the_device);

template <class Function>
Function real(Function*, const char* name) {
  return reinterpret_cast<Function>(loader()(the_instance, name));
}
VkPhysicalDevice behind(VkPhysicalDevice device) {
  return device == other_device ? the_device : device;
}

int instances = 0;      // that live
bool unloaded = false;  // since there were none

VkResult create_instance(const VkInstanceCreateInfo* info, const VkAllocationCallbacks* memory,
                         VkInstance* instance) {
  if (asked("no_driver") || (asked("once") && unloaded)) return VK_ERROR_INCOMPATIBLE_DRIVER;
  the_instance = nullptr;
  PFN_vkCreateInstance f = real(&f, "vkCreateInstance");
  const VkResult result = f(info, memory, instance);
  the_instance = *instance;
  instances += result == VK_SUCCESS;
  return result;
}
void destroy_instance(VkInstance instance, const VkAllocationCallbacks* memory) {
  PFN_vkDestroyInstance f = real(&f, "vkDestroyInstance");
  f(instance, memory);
  unloaded |= --instances == 0;
}

// Only the CPU's driver, whatever else is installed.
VkResult enumerate_devices(VkInstance instance, std::uint32_t* count, VkPhysicalDevice* devices) {
  PFN_vkEnumeratePhysicalDevices f = real(&f, "vkEnumeratePhysicalDevices");
  PFN_vkGetPhysicalDeviceProperties properties_of =
      real(&properties_of, "vkGetPhysicalDeviceProperties");
  VkPhysicalDevice all[16];
  std::uint32_t found = 16;
  f(instance, &found, all);
  for (std::uint32_t n = 0; n < found; ++n) {
    VkPhysicalDeviceProperties properties;
    properties_of(all[n], &properties);
    if (properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU) the_device = all[n];
  }
  *count = asked("no_devices") ? 0 : asked("pair") ? 2 : 1;
  if (devices && *count) {
    devices[*count - 1] = the_device;
    if (*count == 2) devices[0] = other_device;
  }
  return VK_SUCCESS;
}

void properties2(VkPhysicalDevice device, VkPhysicalDeviceProperties2* properties) {
  PFN_vkGetPhysicalDeviceProperties2 f = real(&f, "vkGetPhysicalDeviceProperties2");
  f(behind(device), properties);
  VkPhysicalDeviceProperties& p = properties->properties;
  if (device == other_device) std::strcpy(p.deviceName, "Fake Discrete");
  if (device == other_device || asked("discrete"))
    p.deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  if (auto v = asked("range")) p.limits.maxStorageBufferRange = std::uint32_t(*v);
  if (auto v = asked("shared")) p.limits.maxComputeSharedMemorySize = std::uint32_t(*v);
  if (auto v = asked("invocations")) p.limits.maxComputeWorkGroupInvocations = std::uint32_t(*v);
  if (auto v = asked("buffers")) p.limits.maxPerStageDescriptorStorageBuffers = std::uint32_t(*v);
  if (auto v = asked("alignment")) p.limits.minStorageBufferOffsetAlignment = VkDeviceSize(*v);
}

void features2(VkPhysicalDevice device, VkPhysicalDeviceFeatures2* features) {
  PFN_vkGetPhysicalDeviceFeatures2 f = real(&f, "vkGetPhysicalDeviceFeatures2");
  f(behind(device), features);
  if (asked("int64")) features->features.shaderInt64 = VK_FALSE;
  for (auto* next = static_cast<VkBaseOutStructure*>(features->pNext); next; next = next->pNext)
    if (asked("bytes") && next->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES)
      reinterpret_cast<VkPhysicalDevice8BitStorageFeatures*>(next)->storageBuffer8BitAccess =
          VK_FALSE;
}

void memory_properties(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties* properties) {
  PFN_vkGetPhysicalDeviceMemoryProperties f = real(&f, "vkGetPhysicalDeviceMemoryProperties");
  f(behind(device), properties);
}

void queue_families(VkPhysicalDevice device, std::uint32_t* count,
                    VkQueueFamilyProperties* families) {
  PFN_vkGetPhysicalDeviceQueueFamilyProperties f =
      real(&f, "vkGetPhysicalDeviceQueueFamilyProperties");
  f(behind(device), count, families);
  for (std::uint32_t n = 0; families && n < *count; ++n)
    if (asked("no_timestamps")) families[n].timestampValidBits = 0;
}

VkResult extensions(VkPhysicalDevice device, const char* layer, std::uint32_t* count,
                    VkExtensionProperties* list) {
  PFN_vkEnumerateDeviceExtensionProperties f = real(&f, "vkEnumerateDeviceExtensionProperties");
  return f(behind(device), layer, count, list);
}

VkResult create_device(VkPhysicalDevice device, const VkDeviceCreateInfo* info,
                       const VkAllocationCallbacks* memory, VkDevice* created) {
  PFN_vkCreateDevice f = real(&f, "vkCreateDevice");
  return f(behind(device), info, memory, created);
}

VkResult allocate(VkDevice device, const VkMemoryAllocateInfo* info,
                  const VkAllocationCallbacks* memory, VkDeviceMemory* block) {
  if (auto most = asked("memory"); most && info->allocationSize > VkDeviceSize(*most))
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  PFN_vkAllocateMemory f = real(&f, "vkAllocateMemory");
  return f(device, info, memory, block);
}

VkResult submit(VkQueue queue, std::uint32_t count, const VkSubmitInfo* infos, VkFence fence) {
  static long done = 0;
  const auto good = asked("lost");
  if (!good) done = 0;
  if (good && done++ >= *good) return VK_ERROR_DEVICE_LOST;
  if (asked("refuses")) return VkResult(-1000999000);
  PFN_vkQueueSubmit f = real(&f, "vkQueueSubmit");
  return f(queue, count, infos, fence);
}

template <class Function>
PFN_vkVoidFunction as_void(Function* function) {
  return reinterpret_cast<PFN_vkVoidFunction>(function);
}

}  // namespace

extern "C" PFN_vkVoidFunction vkGetInstanceProcAddr(VkInstance instance, const char* name) {
  const std::string wanted = name;
  if (wanted == "vkEnumerateInstanceVersion" && asked("old")) return nullptr;
  if (wanted == "vkCreateInstance") return as_void(create_instance);
  if (wanted == "vkDestroyInstance") return as_void(destroy_instance);
  if (wanted == "vkEnumeratePhysicalDevices") return as_void(enumerate_devices);
  if (wanted == "vkGetPhysicalDeviceProperties2") return as_void(properties2);
  if (wanted == "vkGetPhysicalDeviceFeatures2") return as_void(features2);
  if (wanted == "vkGetPhysicalDeviceMemoryProperties") return as_void(memory_properties);
  if (wanted == "vkGetPhysicalDeviceQueueFamilyProperties") return as_void(queue_families);
  if (wanted == "vkEnumerateDeviceExtensionProperties") return as_void(extensions);
  if (wanted == "vkCreateDevice") return as_void(create_device);
  if (wanted == "vkAllocateMemory") return as_void(allocate);
  if (wanted == "vkQueueSubmit") return as_void(submit);
  return loader()(instance, name);
}
