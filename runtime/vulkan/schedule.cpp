#include "heed/runtime/vulkan/schedule.h"

#include <set>
#include <utility>

#include "heed/runtime/vulkan/status.h"

namespace heed::vulkan {
namespace {

class Scheduler {
 public:
  Scheduler(const abi::Program& program, const ShapePlan& plan, const Device& device,
            const std::function<Slice(const abi::BufferRef&)>& slice_of)
      : program_(program), plan_(plan), slice_of_(slice_of), dims_(plan.dims),
        stride_(slice_stride(device, sizeof(std::int32_t)) / sizeof(std::int32_t)),
        read_(program.carried.size()), written_(program.carried.size()) {}

  Schedule run() {
    steps(0, program_.steps.size(), 0);
    return std::move(schedule_);
  }

 private:
  // Steps [first, end), with the loops among them from `loop` on. Gives the loop that follows.
  std::size_t steps(std::size_t first, std::size_t end, std::size_t loop) {
    for (std::size_t s = first; s < end;) {
      if (loop < program_.loops.size() && std::size_t(program_.loops[loop].first) == s) {
        s = std::size_t(program_.loops[loop].end);
        loop = turns(loop);
      } else {
        step(s++);
      }
    }
    return loop;
  }

  std::size_t turns(std::size_t l) {
    const abi::Loop& loop = program_.loops[l];
    const LoopSizes& sizes = plan_.loops[l];
    std::size_t behind = l + 1;
    std::int64_t shown = 0;  // the turn that dims are for
    auto turn_to = [&](std::int64_t turn) {
      for (const TurnDim& d : sizes.dims) dims_[d.dim] += d.slope * (turn - shown);
      shown = turn;
    };
    for (std::int64_t done = 0; done < sizes.count; ++done) {
      const std::int64_t left = sizes.count - 1 - done;  // after this turn
      for (std::size_t c = 0; c < program_.carried.size(); ++c) {
        const abi::Carried& carried = program_.carried[c];
        if (std::size_t(carried.loop) != l) continue;
        auto own = [&](std::int64_t turns_left) { return resolved(turns_left % 2 ? carried.other : carried.last); };
        read_[c] = done == 0 ? resolved(carried.initial) : own(left + 1);
        written_[c] = own(left);
      }
      turn_to(loop.reverse ? sizes.count - done : done + 1);
      behind = steps(std::size_t(loop.first), std::size_t(loop.end), l + 1);
    }
    turn_to(0);
    return behind;
  }

  void step(std::size_t s) {
    const abi::Step& step = program_.steps[s];
    Dispatched d{s, schedule_.slices.size(), schedule_.numbers.size(), false};
    std::vector<Key> changing;  // what some step of the program may write
    for (const abi::BufferRef& ref : step.buffers) {
      const Slice slice = resolved(ref);
      schedule_.slices.push_back(slice);
      const bool fixed = ref.place == abi::Place::input || ref.place == abi::Place::parameter ||
                         ref.place == abi::Place::constant || ref.place == abi::Place::prepared;
      if (!fixed) changing.emplace_back(slice.buffer, slice.offset);
    }
    for (const Key& key : changing) d.waits |= touched_.contains(key);
    if (d.waits) touched_.clear();
    touched_.insert(changing.begin(), changing.end());
    append_numbers(schedule_.numbers, step, plan_.steps[s].work,
                   std::span(dims_).subspan(plan_.steps[s].first_dim, step.dims.size()));
    while (schedule_.numbers.size() % stride_) schedule_.numbers.push_back(0);
    schedule_.dispatches.push_back(d);
  }

  Slice resolved(const abi::BufferRef& ref) const {
    if (ref.place == abi::Place::carried) return read_[std::size_t(ref.index)];
    if (ref.place == abi::Place::next) return written_[std::size_t(ref.index)];
    return slice_of_(ref);
  }

  using Key = std::pair<VkBuffer, VkDeviceSize>;

  const abi::Program& program_;
  const ShapePlan& plan_;
  const std::function<Slice(const abi::BufferRef&)>& slice_of_;
  std::vector<std::int64_t> dims_;
  std::size_t stride_;                 // of a step's first number, in numbers
  std::vector<Slice> read_, written_;  // by the running turn, of each carried value
  std::set<Key> touched_;              // since the last barrier
  Schedule schedule_;
};

}  // namespace

Schedule make_schedule(const abi::Program& program, const ShapePlan& plan, const Device& device,
                       const std::function<Slice(const abi::BufferRef&)>& slice_of) {
  return Scheduler(program, plan, device, slice_of).run();
}

}  // namespace heed::vulkan
