// A program's SPIR-V modules as pipelines of a device.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "heed/runtime/abi/program.h"
#include "heed/runtime/vulkan/commands.h"

namespace heed::vulkan {

class Kernels {
 public:
  Kernels(std::shared_ptr<const Device> device, const abi::Program& program);

  const std::shared_ptr<const Device>& device() const { return device_; }
  VkPipeline pipeline(std::size_t kernel) const { return pipelines_[kernel].get(); }
  // For a step of that many buffers.
  VkPipelineLayout layout(std::size_t buffers) const { return layouts_.at(buffers).pipeline.get(); }
  VkDescriptorSetLayout set_layout(std::size_t buffers) const {
    return layouts_.at(buffers).set.get();
  }

 private:
  struct Layout {
    Owned<VkDescriptorSetLayout, &Functions::destroy_descriptor_set_layout> set;
    Owned<VkPipelineLayout, &Functions::destroy_pipeline_layout> pipeline;
  };
  using Pipeline = Owned<VkPipeline, &Functions::destroy_pipeline>;

  Layout make_layout(std::size_t buffers) const;

  std::shared_ptr<const Device> device_;
  std::map<std::size_t, Layout> layouts_;  // by a step's number of buffers
  std::vector<Pipeline> pipelines_;        // by kernel; none where no step calls it
};

// Records steps. Everything a recorded command needs lives until the next `reserve`.
class Recorder {
 public:
  explicit Recorder(std::shared_ptr<const Kernels> kernels) : kernels_(std::move(kernels)) {}

  // Room for that many dispatches of that many buffers in all; what was recorded before must not
  // run any more.
  void reserve(std::size_t dispatches, std::size_t buffers);
  // Items [0, work) of a kernel, `group` of them a workgroup. numbers, status: as abi/gpu_kernel.h
  // says.
  void dispatch(Commands& commands, std::size_t kernel, std::span<const Slice> buffers,
                const Slice& numbers, const Slice& status, std::int64_t work, std::int64_t group);

 private:
  std::shared_ptr<const Kernels> kernels_;
  Owned<VkDescriptorPool, &Functions::destroy_descriptor_pool> pool_;
  std::vector<VkDescriptorBufferInfo> infos_;
};

// A step's numbers as its kernel gets them. Throws Error naming the step where one is none of 32
// bits.
void append_numbers(std::vector<std::int32_t>& numbers, const abi::Step& step, std::int64_t work,
                    std::span<const std::int64_t> dims);

}  // namespace heed::vulkan
