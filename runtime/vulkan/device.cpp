#include "heed/runtime/vulkan/device.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <vector>

#include "heed/runtime/error.h"
#include "heed/runtime/vulkan/features.h"
#include "heed/runtime/vulkan/gpu.h"

namespace heed::vulkan {
namespace {

constexpr std::uint32_t none = ~std::uint32_t(0);

struct Candidate {
  VkPhysicalDevice device = nullptr;
  VkPhysicalDeviceProperties properties{};
  std::uint32_t family = none;  // of a compute queue
  std::uint32_t timestamp_bits = 0;

  bool usable() const { return family != none && properties.apiVersion >= VK_API_VERSION_1_1; }
  int rank() const {
    switch (properties.deviceType) {
      case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return 0;
      case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return 1;
      case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: return 2;
      default: return 3;
    }
  }
};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string listed(const std::vector<Candidate>& all) {
  std::string text;
  for (std::size_t i = 0; i < all.size(); ++i)
    text += (i ? ", " : "") + std::to_string(i) + " '" + all[i].properties.deviceName + "'" +
            (all[i].usable() ? "" : " (no compute queue, or a Vulkan before 1.1)");
  return text;
}

std::vector<Candidate> candidates(const Functions& f, VkInstance instance) {
  std::uint32_t count = 0;
  if (f.enumerate_physical_devices(instance, &count, nullptr) != VK_SUCCESS) count = 0;
  std::vector<VkPhysicalDevice> devices(count);
  if (count) f.enumerate_physical_devices(instance, &count, devices.data());
  devices.resize(count);
  std::vector<Candidate> all;
  for (VkPhysicalDevice device : devices) {
    Candidate& c = all.emplace_back();
    c.device = device;
    VkPhysicalDeviceProperties2 properties{};
    properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
    f.get_physical_device_properties2(device, &properties);
    c.properties = properties.properties;
    std::uint32_t families = 0;
    f.get_physical_device_queue_family_properties(device, &families, nullptr);
    std::vector<VkQueueFamilyProperties> queues(families);
    f.get_physical_device_queue_family_properties(device, &families, queues.data());
    for (std::uint32_t n = families; n-- > 0;)
      if (queues[n].queueCount && (queues[n].queueFlags & VK_QUEUE_COMPUTE_BIT)) {
        c.family = n;
        c.timestamp_bits = queues[n].timestampValidBits;
      }
  }
  return all;
}

const Candidate& chosen(const std::vector<Candidate>& all) {
  const char* wish = std::getenv("HEED_VULKAN_DEVICE");
  const std::string wanted = lower(wish ? wish : "");
  if (wanted.empty()) {
    const auto best = std::ranges::min_element(
        all, {}, [](const Candidate& c) { return c.usable() ? c.rank() : 4; });
    if (best != all.end() && best->usable()) return *best;
    throw Error(
        "vulkan: no driver offers a device with a compute queue and Vulkan 1.1 or later; devices "
        "found: ",
        all.empty() ? "none" : listed(all),
        ". Install the GPU's driver (on Debian mesa-vulkan-drivers, which also has one for the "
        "CPU), see what "
        "vulkaninfo says, or choose another target");
  }
  const bool number = wanted.find_first_not_of("0123456789") == wanted.npos;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (number ? wanted == std::to_string(i)
               : lower(all[i].properties.deviceName).find(wanted) != wanted.npos)
      if (all[i].usable()) return all[i];
  throw Error("vulkan: HEED_VULKAN_DEVICE asks for '", wish,
              "', which is neither the number nor a part of the name of a ",
              "device that can be used; devices found: ", all.empty() ? "none" : listed(all));
}

// Destroys an instance, but only when a later one comes: when the last is gone the loader unloads
// the drivers, and NVIDIA's cannot be loaded again more than some ten times in a process.
void retire(const Functions& functions, VkInstance instance) {
  static std::mutex mutex;
  static Functions last_functions;
  static VkInstance last = nullptr;
  const std::lock_guard lock(mutex);
  if (last) last_functions.destroy_instance(last, nullptr);
  last_functions = functions;
  last = instance;
}

}  // namespace

Device::Device() {
  f_.open_library();
  try {
    choose();
    open();
  } catch (...) {
    if (device_) f_.destroy_device(device_, nullptr);
    if (instance_ && f_.destroy_instance) retire(f_, instance_);
    throw;
  }
}

Device::~Device() {
  f_.destroy_device(device_, nullptr);
  retire(f_, instance_);
}

void Device::choose() {
  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.pApplicationName = application.pEngineName = "heed";
  // the highest that is made use of, where the driver has it
  application.apiVersion = VK_API_VERSION_1_2;
  VkInstanceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  info.pApplicationInfo = &application;
  if (const VkResult result = f_.create_instance(&info, nullptr, &instance_);
      result != VK_SUCCESS) {
    instance_ = nullptr;
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
      throw Error(
          "vulkan: libvulkan is installed, but finds no driver; install the GPU's (on Debian "
          "mesa-vulkan-drivers, which also has one for the CPU), or choose another target");
    throw Error("vulkan: vkCreateInstance failed with VkResult ", int(result),
                "; see what vulkaninfo says, or choose another target");
  }
  f_.find(instance_);
  const std::vector<Candidate> all = candidates(f_, instance_);
  const Candidate& c = chosen(all);
  physical_ = c.device;
  name_ = c.properties.deviceName;
  limits_ = c.properties.limits;
  cpu_ = c.properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
  family_ = c.family;
  timestamp_bits_ = c.timestamp_bits;
  f_.get_physical_device_memory_properties(physical_, &memory_);
  constexpr VkMemoryPropertyFlags shared = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT |
                                           VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                           VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  unified_ = c.properties.deviceType != VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU &&
             memory_type(~0u, shared, 0) >= 0;
}

void Device::open() {
  const FeatureSet features(f_, physical_);
  features_ = features.bits();
  subgroup_size_ = features.subgroup_size();
  compute_units_ = features.compute_units();
  const float priority = 1;
  VkDeviceQueueCreateInfo queue{};
  queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queue.queueFamilyIndex = family_;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  VkDeviceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  info.pNext = features.chain();
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  info.enabledExtensionCount = std::uint32_t(features.extensions().size());
  info.ppEnabledExtensionNames = features.extensions().data();
  check(f_.create_device(physical_, &info, nullptr, &device_), "opening it");
  f_.get_device_queue(device_, family_, 0, &queue_);
}

double Device::nanoseconds(std::uint64_t first, std::uint64_t second) const {
  const std::uint64_t mask =
      timestamp_bits_ >= 64 ? ~std::uint64_t(0) : (std::uint64_t(1) << timestamp_bits_) - 1;
  return double((second - first) & mask) * double(limits_.timestampPeriod);
}

const Feature* Device::lacks(std::uint32_t capability) const {
  const std::span<const Feature> known = known_features();
  for (std::size_t i = 0; i < known.size(); ++i)
    if (known[i].capability == capability) return features_ >> i & 1 ? nullptr : &known[i];
  throw Error("vulkan: a module declares SPIR-V's capability ", capability,
              ", which this runtime does not know; compile the network again with the compiler of "
              "this build");
}

int Device::memory_type(std::uint32_t types, VkMemoryPropertyFlags needed,
                        VkMemoryPropertyFlags wanted) const {
  int found = -1;
  for (std::uint32_t n = memory_.memoryTypeCount; n-- > 0;) {
    const VkMemoryPropertyFlags has = memory_.memoryTypes[n].propertyFlags;
    if (!(types >> n & 1) || (has & needed) != needed) continue;
    const bool better = found < 0 || (has & wanted) == wanted ||
                        (memory_.memoryTypes[found].propertyFlags & wanted) != wanted;
    if (better) found = int(n);
  }
  return found;
}

std::uint64_t Device::memory_bytes() const {
  std::uint64_t largest = 0;
  for (std::uint32_t n = 0; n < memory_.memoryHeapCount; ++n)
    if (memory_.memoryHeaps[n].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
      largest = std::max<std::uint64_t>(largest, memory_.memoryHeaps[n].size);
  return largest;
}

void Device::check(VkResult result, std::string_view doing) const {
  if (result >= VK_SUCCESS) return;
  const std::string where = "vulkan: device '" + name_ + "' ";
  switch (result) {
    case VK_ERROR_DEVICE_LOST:
      lost_ = true;
      throw Error(where, "was lost while ", doing,
                  ": its driver gave it up, mostly since one kernel ran for longer than "
                  "the driver allows or since the GPU was reset or removed. Load the program anew; "
                  "where it happens "
                  "again, use smaller batches or another target");
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_HOST_MEMORY:
      throw Error(
          where, "has too little memory for ", doing, " (", memory_bytes() >> 20,
          " MiB in all, shared with ",
          "other programs); use a smaller batch, close what else uses it, or choose another by "
          "HEED_VULKAN_DEVICE");
    default: throw Error(where, "failed at ", doing, " with VkResult ", int(result));
  }
}

void Device::run(VkCommandBuffer commands, VkFence fence, std::string_view doing) const {
  VkSubmitInfo submit{};
  submit.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  submit.commandBufferCount = 1;
  submit.pCommandBuffers = &commands;
  check(f_.reset_fences(device_, 1, &fence), doing);
  {
    const std::lock_guard lock(queue_mutex_);
    check(f_.queue_submit(queue_, 1, &submit, fence), doing);
  }
  const VkResult waited = f_.wait_for_fences(device_, 1, &fence, VK_TRUE, ~std::uint64_t(0));
  if (waited < VK_SUCCESS) {  // the caller is going to destroy what may still be in use
    const std::lock_guard lock(queue_mutex_);
    f_.device_wait_idle(device_);
  }
  check(waited, doing);
}

std::shared_ptr<const Device> open_device() {
  static std::mutex mutex;
  static std::weak_ptr<const Device> opened;
  static std::string opened_as;
  const std::lock_guard lock(mutex);
  std::string as;
  for (const char* name : {"HEED_VULKAN_LIBRARY", "HEED_VULKAN_DEVICE"})
    if (const char* value = std::getenv(name)) as += std::string(value) + '\n';
  std::shared_ptr<const Device> device = opened.lock();
  if (!device || device->is_lost() || as != opened_as) {
    opened = device = std::make_shared<const Device>();
    opened_as = as;
  }
  return device;
}

std::string target_of(const Device& device) {
  const VkPhysicalDeviceLimits& limits = device.limits();
  auto fact = [](const char* name, std::uint32_t number) {
    return std::string(",") + name + '=' + std::to_string(number);
  };
  const std::uint32_t invocations =
      std::min(limits.maxComputeWorkGroupInvocations, limits.maxComputeWorkGroupSize[0]);
  return std::string("vulkan:kind=") + (device.is_cpu() ? "cpu" : "gpu") +
         fact("invocations", invocations) + fact("shared", limits.maxComputeSharedMemorySize) +
         fact("range", limits.maxStorageBufferRange) +
         fact("subgroup", std::max(device.subgroup_size(), 1u)) +
         (device.compute_units() ? fact("units", device.compute_units()) : "");
}

}  // namespace heed::vulkan
