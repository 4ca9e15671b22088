#include "heed/runtime/vulkan/kernels.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "heed/runtime/abi/gpu_kernel.h"
#include "heed/runtime/error.h"
#include "heed/runtime/vulkan/gpu.h"
#include "heed/runtime/vulkan/spirv.h"

namespace heed::vulkan {
namespace {

constexpr std::size_t own_bindings = 2;  // numbers and status

// For each kernel how many buffers its steps have.
std::vector<std::optional<std::size_t>> buffer_counts(const abi::Program& program) {
  std::vector<std::optional<std::size_t>> counts(program.kernels.size());
  for (const auto* steps : {&program.prepare, &program.steps})
    for (const abi::Step& step : *steps) {
      std::optional<std::size_t>& count = counts[std::size_t(step.kernel)];
      if (count && *count != step.buffers.size())
        throw Error("program '", program.name, "' is malformed: kernel '",
                    program.kernels[std::size_t(step.kernel)].symbol, "' gets ", *count,
                    " buffers and ", step.buffers.size(), " at step '", step.label,
                    "'; compile it again");
      count = step.buffers.size();
    }
  return counts;
}

void require_features(const Device& device, const ModuleFacts& module, const std::string& program) {
  for (std::uint32_t capability : module.capabilities)
    if (const Feature* missing = device.lacks(capability))
      throw Error("vulkan: program '", program, "' needs ", missing->vulkan, " (SPIR-V's ",
                  missing->name, "), which device '", device.name(),
                  "' has not; choose another device by HEED_VULKAN_DEVICE, update its driver, or "
                  "use another target");
}

const EntryPoint& entry_point(const ModuleFacts& module, const abi::KernelEntry& kernel,
                              const std::string& program) {
  const auto entry = std::ranges::find(module.entry_points, kernel.symbol, &EntryPoint::name);
  if (entry == module.entry_points.end())
    throw Error("program '", program, "' is malformed: its SPIR-V has no entry point '",
                kernel.symbol, "'; compile it again");
  return *entry;
}

void require_limits(const Device& device, const EntryPoint& entry, std::size_t bindings,
                    const std::string& program) {
  const VkPhysicalDeviceLimits& limits = device.limits();
  auto require = [&](std::int64_t needed, std::int64_t most, const char* what) {
    if (needed > most)
      throw Error("vulkan: kernel '", entry.name, "' of program '", program, "' needs ", needed,
                  ' ', what, ", device '", device.name(), "' has ", most,
                  "; choose another device by HEED_VULKAN_DEVICE or another target");
  };
  std::int64_t invocations = 1;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (entry.local_size[axis] == 0)
      throw Error("program '", program, "' is malformed: entry point '", entry.name,
                  "' does not say the size of its workgroups; compile it again");
    require(entry.local_size[axis], limits.maxComputeWorkGroupSize[axis],
            "invocations along an axis of a workgroup");
    invocations *= entry.local_size[axis];
  }
  require(invocations, limits.maxComputeWorkGroupInvocations, "invocations in a workgroup");
  require(entry.shared_bytes, limits.maxComputeSharedMemorySize, "bytes of shared memory");
  require(std::int64_t(bindings),
          std::min(limits.maxPerStageDescriptorStorageBuffers, limits.maxPerStageResources),
          "storage buffers");
}

}  // namespace

Kernels::Kernels(std::shared_ptr<const Device> device, const abi::Program& program)
    : device_(std::move(device)), pipelines_(program.kernels.size()) {
  const Functions& f = device_->functions();
  const auto counts = buffer_counts(program);
  std::vector<ModuleFacts> facts;
  std::vector<Owned<VkShaderModule, &Functions::destroy_shader_module>> modules;
  for (const std::vector<std::byte>& code : program.code) {
    require_features(*device_, facts.emplace_back(read_module(code)), program.name);
    std::vector<std::uint32_t> words(code.size() / 4);  // aligned
    std::ranges::copy(code, std::as_writable_bytes(std::span(words)).begin());
    VkShaderModuleCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
    info.codeSize = code.size();
    info.pCode = words.data();
    VkShaderModule module = nullptr;
    device_->check(f.create_shader_module(device_->handle(), &info, nullptr, &module),
                   "loading a SPIR-V module");
    modules.emplace_back(device_, module);
  }
  for (std::size_t k = 0; k < program.kernels.size(); ++k) {
    if (!counts[k]) continue;
    const abi::KernelEntry& kernel = program.kernels[k];
    const auto object = std::size_t(kernel.object);
    const std::size_t bindings = *counts[k] + own_bindings;
    require_limits(*device_, entry_point(facts[object], kernel, program.name), bindings,
                   program.name);
    if (facts[object].most_binding >= std::int64_t(bindings) &&
        facts[object].entry_points.size() == 1)
      throw Error("program '", program.name, "' is malformed: kernel '", kernel.symbol,
                  "' uses binding ", facts[object].most_binding, ", its steps have ", bindings,
                  "; compile it again");
    if (!layouts_.contains(*counts[k])) layouts_.emplace(*counts[k], make_layout(*counts[k]));
    VkComputePipelineCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
    info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    info.stage.module = modules[object].get();
    info.stage.pName = kernel.symbol.c_str();
    info.layout = layout(*counts[k]);
    VkPipeline pipeline = nullptr;
    device_->check(
        f.create_compute_pipelines(device_->handle(), nullptr, 1, &info, nullptr, &pipeline),
        "compiling kernel '" + kernel.symbol + "'");
    pipelines_[k] = {device_, pipeline};
  }
}

Kernels::Layout Kernels::make_layout(std::size_t buffers) const {
  const Functions& f = device_->functions();
  std::vector<VkDescriptorSetLayoutBinding> bindings(buffers + own_bindings);
  for (std::size_t n = 0; n < bindings.size(); ++n)
    bindings[n] = {std::uint32_t(n), VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1,
                   VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
  VkDescriptorSetLayoutCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO;
  info.bindingCount = std::uint32_t(bindings.size());
  info.pBindings = bindings.data();
  VkDescriptorSetLayout set = nullptr;
  device_->check(f.create_descriptor_set_layout(device_->handle(), &info, nullptr, &set),
                 "describing buffers");
  Layout layout;
  layout.set = {device_, set};
  VkPipelineLayoutCreateInfo pipeline_info{};
  pipeline_info.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
  pipeline_info.setLayoutCount = 1;
  pipeline_info.pSetLayouts = &set;
  VkPipelineLayout pipeline = nullptr;
  device_->check(f.create_pipeline_layout(device_->handle(), &pipeline_info, nullptr, &pipeline),
                 "describing buffers");
  layout.pipeline = {device_, pipeline};
  return layout;
}

std::shared_ptr<const Kernels> load_kernels(const abi::Program& program) {
  return std::make_shared<const Kernels>(open_device(), program);
}

void Recorder::reserve(std::size_t dispatches, std::size_t buffers) {
  pool_ = {};
  if (dispatches == 0) return;
  const std::shared_ptr<const Device>& device = kernels_->device();
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                  std::uint32_t(buffers + own_bindings * dispatches)};
  VkDescriptorPoolCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO;
  info.maxSets = std::uint32_t(dispatches);
  info.poolSizeCount = 1;
  info.pPoolSizes = &size;
  VkDescriptorPool pool = nullptr;
  device->check(device->functions().create_descriptor_pool(device->handle(), &info, nullptr, &pool),
                "describing the buffers of " + std::to_string(dispatches) + " steps");
  pool_ = {device, pool};
}

void Recorder::dispatch(Commands& commands, std::size_t kernel, std::span<const Slice> buffers,
                        const Slice& numbers, const Slice& status, std::int64_t work,
                        std::int64_t group) {
  const abi::Dispatch groups = abi::Dispatch::of(work, group);
  if (groups.x == 0) return;
  const Device& device = *kernels_->device();
  const Functions& f = device.functions();
  const VkDescriptorSetLayout layout = kernels_->set_layout(buffers.size());
  VkDescriptorSetAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO;
  info.descriptorPool = pool_.get();
  info.descriptorSetCount = 1;
  info.pSetLayouts = &layout;
  VkDescriptorSet set = nullptr;
  device.check(f.allocate_descriptor_sets(device.handle(), &info, &set),
               "describing a step's buffers");
  infos_.clear();
  for (const Slice& slice : buffers) infos_.push_back({slice.buffer, slice.offset, slice.size});
  for (const Slice* slice : {&numbers, &status})
    infos_.push_back({slice->buffer, slice->offset, slice->size});
  VkWriteDescriptorSet write{};
  write.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
  write.dstSet = set;
  write.descriptorCount = std::uint32_t(infos_.size());  // goes on over the bindings that follow
  write.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
  write.pBufferInfo = infos_.data();
  f.update_descriptor_sets(device.handle(), 1, &write, 0, nullptr);
  f.cmd_bind_pipeline(commands.buffer(), VK_PIPELINE_BIND_POINT_COMPUTE,
                      kernels_->pipeline(kernel));
  f.cmd_bind_descriptor_sets(commands.buffer(), VK_PIPELINE_BIND_POINT_COMPUTE,
                             kernels_->layout(buffers.size()), 0, 1, &set, 0, nullptr);
  f.cmd_dispatch(commands.buffer(), std::uint32_t(groups.x), std::uint32_t(groups.y), 1);
}

void append_numbers(std::vector<std::int32_t>& numbers, const abi::Step& step, std::int64_t work,
                    std::span<const std::int64_t> dims) {
  auto append = [&](std::int64_t number) {
    if (number < std::numeric_limits<std::int32_t>::min() ||
        number > std::numeric_limits<std::int32_t>::max())
      throw Error(
          "vulkan: step '", step.label, "' has the size ", number,
          ", kernels count with 32 bits; use a smaller batch or picture, or another target");
    numbers.push_back(std::int32_t(number));
  };
  append(work);
  for (std::int64_t dim : dims) append(dim);
}

}  // namespace heed::vulkan
