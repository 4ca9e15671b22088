// A schedule as commands: one command buffer for each part, and the device's times of its
// dispatches where they are wanted.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "heed/runtime/vulkan/schedule.h"
#include "heed/runtime/vulkan/status.h"

namespace heed::vulkan {

// What the commands refer to; stays as it is while they may run.
struct Recorded {
  const abi::Program& program;
  const ShapePlan& plan;
  const Schedule& schedule;
  const StatusWords& status;
  Slice numbers;                                   // the schedule's
  // what the CPU writes for a turn; no buffer where it writes `numbers`
  Slice turn_numbers;
  // before the first dispatch, behind those, and after the last
  std::vector<Copy> to_inputs, updates, to_host;
};

class Recording {
 public:
  Recording(const std::shared_ptr<const Kernels>& kernels, bool timed)
      : commands_(kernels->device()), recorder_(kernels), timed_(timed) {}

  void record(const Recorded& recorded);
  void forget() { recorded_ = false; }
  bool is_recorded() const { return recorded_; }

  void run(std::size_t part, std::string_view doing) const { commands_.run(doing, part); }
  // Of the part's last run, on the device's clock: one before all its dispatches, one after each.
  // Until the next call.
  std::span<const std::uint64_t> times(const Part& part, std::size_t index);

 private:
  const Device& device() const { return *commands_.device(); }
  void record(const Recorded& recorded, std::size_t part);
  void record_copies(std::span<const Copy> copies);
  void make_times(std::size_t count);
  void stamp(std::size_t time);

  Commands commands_;
  Recorder recorder_;
  bool timed_, recorded_ = false;
  Owned<VkQueryPool, &Functions::destroy_query_pool> queries_;
  std::vector<std::uint64_t> times_;
};

}  // namespace heed::vulkan
