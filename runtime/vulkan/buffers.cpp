#include "heed/runtime/vulkan/buffers.h"

#include <algorithm>

#include "heed/runtime/error.h"

namespace heed::vulkan {
namespace {

// of a block that holds several slices
constexpr VkDeviceSize block_bytes = VkDeviceSize(256) << 20;
constexpr std::size_t vector_bytes = 16;                       // kernels may read whole vectors

constexpr VkDeviceSize aligned(VkDeviceSize size, VkDeviceSize alignment) {
  return (size + alignment - 1) / alignment * alignment;
}

struct Want {
  VkMemoryPropertyFlags needed, wanted;
};

Want want(const Device& device, Role role) {
  constexpr VkMemoryPropertyFlags host =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  switch (role) {
    case Role::upload: return {host, 0};
    case Role::download: return {host, VK_MEMORY_PROPERTY_HOST_CACHED_BIT};
    case Role::device: break;
  }
  return {device.is_unified() ? host : 0, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT};
}

}  // namespace

Block::Block(const std::shared_ptr<const Device>& device, VkDeviceSize size, Role role,
             const char* what)
    : size_(aligned(std::max<VkDeviceSize>(size, 1), vector_bytes)) {
  const Functions& f = device->functions();
  const std::string doing = std::to_string(size_) + " bytes of " + what;
  VkBufferCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  info.size = size_;
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
               VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  VkBuffer buffer = nullptr;
  device->check(f.create_buffer(device->handle(), &info, nullptr, &buffer), doing);
  buffer_ = {device, buffer};

  VkMemoryRequirements requirements{};
  f.get_buffer_memory_requirements(device->handle(), buffer, &requirements);
  const Want flags = want(*device, role);
  const int type = device->memory_type(requirements.memoryTypeBits, flags.needed, flags.wanted);
  if (type < 0)
    throw Error("vulkan: device '", device->name(), "' has no type of memory for ", doing,
                "; choose another by HEED_VULKAN_DEVICE");
  VkMemoryAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
  allocate.allocationSize = requirements.size;
  allocate.memoryTypeIndex = std::uint32_t(type);
  VkDeviceMemory memory = nullptr;
  device->check(f.allocate_memory(device->handle(), &allocate, nullptr, &memory), doing);
  memory_ = {device, memory};
  device->check(f.bind_buffer_memory(device->handle(), buffer, memory, 0), doing);
  if (role == Role::device && !device->is_unified()) return;
  void* host = nullptr;
  device->check(f.map_memory(device->handle(), memory, 0, VK_WHOLE_SIZE, 0, &host), doing);
  host_ = static_cast<std::byte*>(host);
}

void Pool::resize(std::span<const std::size_t> sizes) {
  const VkDeviceSize alignment =
      std::max<VkDeviceSize>(device_->limits().minStorageBufferOffsetAlignment, 64);
  slices_.clear();
  std::vector<VkDeviceSize> needed;        // by block
  std::vector<std::size_t> block_of_slice;
  for (std::size_t size : sizes) {
    require_range(*device_, size, what_);
    const VkDeviceSize bytes = aligned(std::max<VkDeviceSize>(size, 1), vector_bytes);
    if (needed.empty() || needed.back() + bytes > block_bytes) needed.push_back(0);
    slices_.push_back({nullptr, needed.back(), bytes, nullptr});
    block_of_slice.push_back(needed.size() - 1);
    needed.back() = aligned(needed.back() + bytes, alignment);
  }
  // First what goes, then what comes: never both at once.
  blocks_.resize(needed.size());
  for (std::size_t b = 0; b < needed.size(); ++b)
    if (blocks_[b].size() < needed[b]) blocks_[b] = Block();
  for (std::size_t b = 0; b < needed.size(); ++b)
    if (blocks_[b].size() < needed[b]) blocks_[b] = Block(device_, needed[b], role_, what_);
  for (std::size_t i = 0; i < slices_.size(); ++i) {
    const Slice block = blocks_[block_of_slice[i]].whole();
    slices_[i].buffer = block.buffer;
    if (block.host) slices_[i].host = block.host + slices_[i].offset;
  }
}

std::size_t Pool::size_bytes() const {
  std::size_t total = 0;
  for (const Block& block : blocks_) total += block.size();
  return total;
}

void require_range(const Device& device, std::size_t size, const std::string& what) {
  if (size > device.limits().maxStorageBufferRange)
    throw Error(
        "vulkan: a buffer of ", size, " bytes among the ", what, " is larger than the ",
        device.limits().maxStorageBufferRange, " bytes that a kernel can be given on device '",
        device.name(),
        "'; use a smaller batch or picture, or choose another device by HEED_VULKAN_DEVICE");
}

}  // namespace heed::vulkan
