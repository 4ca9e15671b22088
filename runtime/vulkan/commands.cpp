#include "heed/runtime/vulkan/commands.h"

#include <algorithm>
#include <cstring>

namespace heed::vulkan {
namespace {

constexpr std::size_t staging_bytes = std::size_t(16) << 20;

VkPipelineStageFlags stages(int which) {
  return (which & Commands::kernels ? VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT : 0) |
         (which & Commands::copies ? VK_PIPELINE_STAGE_TRANSFER_BIT : 0) |
         (which & Commands::cpu ? VK_PIPELINE_STAGE_HOST_BIT : 0);
}
VkAccessFlags writes(int which) {
  return (which & Commands::kernels ? VK_ACCESS_SHADER_WRITE_BIT : 0) |
         (which & Commands::copies ? VK_ACCESS_TRANSFER_WRITE_BIT : 0) |
         (which & Commands::cpu ? VK_ACCESS_HOST_WRITE_BIT : 0);
}
VkAccessFlags reads(int which) {
  return (which & Commands::kernels ? VK_ACCESS_SHADER_READ_BIT : 0) |
         (which & Commands::copies ? VK_ACCESS_TRANSFER_READ_BIT : 0) |
         (which & Commands::cpu ? VK_ACCESS_HOST_READ_BIT : 0);
}

}  // namespace

Commands::Commands(std::shared_ptr<const Device> device) : device_(std::move(device)) {
  const Functions& f = device_->functions();
  constexpr std::string_view doing = "making room for commands";
  VkCommandPoolCreateInfo pool_info{};
  pool_info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  pool_info.queueFamilyIndex = device_->queue_family();
  VkCommandPool pool = nullptr;
  device_->check(f.create_command_pool(device_->handle(), &pool_info, nullptr, &pool), doing);
  pool_ = {device_, pool};
  VkFenceCreateInfo fence_info{};
  fence_info.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO;
  VkFence fence = nullptr;
  device_->check(f.create_fence(device_->handle(), &fence_info, nullptr, &fence), doing);
  fence_ = {device_, fence};
}

void Commands::begin() {
  const Functions& f = device_->functions();
  device_->check(f.reset_command_pool(device_->handle(), pool_.get(), 0), "recording commands");
  part_ = 0;
  begin_part();
}

void Commands::next() {
  end();
  ++part_;
  begin_part();
}

void Commands::begin_part() {
  const Functions& f = device_->functions();
  if (part_ == buffers_.size()) {
    VkCommandBufferAllocateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
    info.commandPool = pool_.get();
    info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    info.commandBufferCount = 1;
    VkCommandBuffer made = nullptr;
    device_->check(f.allocate_command_buffers(device_->handle(), &info, &made),
                   "making room for commands");
    buffers_.push_back(made);
  }
  VkCommandBufferBeginInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  device_->check(f.begin_command_buffer(buffer(), &info), "recording commands");
}

void Commands::end() {
  device_->check(device_->functions().end_command_buffer(buffer()), "recording commands");
}

void Commands::run(std::string_view doing, std::size_t part) const {
  device_->run(buffers_[part], fence_.get(), doing);
}

void Commands::copy(const Slice& from, const Slice& to, VkDeviceSize size) {
  if (size == 0) return;
  const VkBufferCopy piece{from.offset, to.offset, size};
  device_->functions().cmd_copy_buffer(buffer(), from.buffer, to.buffer, 1, &piece);
}

void Commands::clear(const Slice& slice) {
  device_->functions().cmd_fill_buffer(buffer(), slice.buffer, slice.offset, slice.size, 0);
}

void Commands::barrier(int before, int after) {
  VkMemoryBarrier memory{};
  memory.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  memory.srcAccessMask = writes(before);
  memory.dstAccessMask = reads(after) | writes(after & ~cpu);
  device_->functions().cmd_pipeline_barrier(buffer(), stages(before), stages(after), 0, 1, &memory,
                                            0, nullptr, 0, nullptr);
}

void Uploader::upload(std::span<const std::byte> bytes, const Slice& to) {
  if (to.host) {
    std::memcpy(to.host, bytes.data(), bytes.size());
    return;
  }
  const std::shared_ptr<const Device>& device = commands_.device();
  if (!staging_.size())
    staging_ = Block(device, staging_bytes, Role::upload, "memory to upload by");
  for (std::size_t at = 0; at < bytes.size(); at += staging_bytes) {
    const std::size_t size = std::min(staging_bytes, bytes.size() - at);
    std::memcpy(staging_.whole().host, bytes.data() + at, size);
    Slice part = to;
    part.offset += at;
    commands_.begin();
    commands_.copy(staging_.whole(), part, size);
    commands_.end();
    commands_.run("uploading data");
  }
}

}  // namespace heed::vulkan
