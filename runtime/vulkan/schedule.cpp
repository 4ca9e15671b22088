#include "heed/runtime/vulkan/schedule.h"

#include <algorithm>
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
    part();
    steps(0, program_.steps.size(), 0);
    part();
    schedule_.items = std::move(items_);
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
    const bool stops = sizes.going > 0;
    StoppingLoop stopping{sizes.count, loop.reverse, {}};
    for (std::int64_t done = 0; done < sizes.count; ++done) {
      const std::int64_t left = sizes.count - 1 - done;  // after this turn
      if (stops && done > 0 && left > 1) continue;       // as one of the last two
      for (std::size_t c = 0; c < program_.carried.size(); ++c) {
        const abi::Carried& carried = program_.carried[c];
        if (std::size_t(carried.loop) != l) continue;
        auto own = [&](std::int64_t turns_left) {
          return resolved(turns_left % 2 ? carried.other : carried.last);
        };
        read_[c] = done == 0 ? resolved(carried.initial) : own(left + 1);
        written_[c] = own(left);
      }
      turn_to(loop.reverse ? sizes.count - done : done + 1);
      auto run = [&] { behind = steps(std::size_t(loop.first), std::size_t(loop.end), l + 1); };
      if (stops) stopping.turns[StoppingLoop::kind(done, left)] = turn(l, shown, run);
      else run();
    }
    turn_to(0);
    if (stops) {
      items_.push_back({true, schedule_.loops.size()});
      schedule_.loops.push_back(std::move(stopping));
      open_ = false;
    }
    return behind;
  }

  // One turn of a loop that stops, of the steps that `run` schedules.
  template <class Run>
  StoppingLoop::Turn turn(std::size_t l, std::int64_t shown, Run run) {
    StoppingLoop::Turn made;
    made.shown = shown;
    std::vector<Item> around = std::exchange(items_, {});
    turns_.push_back({&plan_.loops[l], &made});
    open_ = false;
    run();
    Part& last = part();
    last.flags = schedule_.flags.size();
    Slice flags = resolved(program_.loops[l].going);
    flags.size = VkDeviceSize(plan_.loops[l].going);
    schedule_.flags.push_back(flags);
    made.items = std::exchange(items_, {});
    made.settles = settle(l);
    turns_.pop_back();
    items_ = std::move(around);
    open_ = false;
    return made;
  }

  // Brings what the turn has written elsewhere to where the steps behind the loop look for it.
  std::optional<std::size_t> settle(std::size_t l) {
    std::vector<Copy> copies;
    for (std::size_t c = 0; c < program_.carried.size(); ++c) {
      if (std::size_t(program_.carried[c].loop) != l) continue;
      const Slice last = resolved(program_.carried[c].last);
      if (written_[c] != last) copies.push_back({written_[c], last, plan_.carried[c]});
    }
    if (copies.empty()) return {};
    open_ = false;
    part().copies = std::move(copies);
    return std::exchange(items_, {}).back().index;
  }

  // The part that goes on, or a new one.
  Part& part() {
    if (!std::exchange(open_, true)) {
      items_.push_back({false, schedule_.parts.size()});
      schedule_.parts.push_back(
          {schedule_.dispatches.size(), schedule_.dispatches.size(), {}, {}, !turns_.empty()});
      touched_.clear();
    }
    return schedule_.parts.back();
  }

  void step(std::size_t s) {
    const abi::Step& step = program_.steps[s];
    Part& part = this->part();
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
    const std::size_t first_dim = plan_.steps[s].first_dim, end_dim = first_dim + step.dims.size();
    append_numbers(schedule_.numbers, step, plan_.steps[s].work,
                   std::span(dims_).subspan(first_dim, step.dims.size()));
    for (const auto& [sizes, turn] : turns_)
      for (auto at = std::ranges::lower_bound(sizes->dims, first_dim, {}, &TurnDim::dim);
           at != sizes->dims.end() && at->dim < end_dim; ++at)
        turn->numbers.push_back({d.first_number + 1 + at->dim - first_dim, at->slope});
    while (schedule_.numbers.size() % stride_) schedule_.numbers.push_back(0);
    schedule_.dispatches.push_back(d);
    part.end = schedule_.dispatches.size();
  }

  Slice resolved(const abi::BufferRef& ref) const {
    if (ref.place == abi::Place::carried) return read_[std::size_t(ref.index)];
    if (ref.place == abi::Place::next) return written_[std::size_t(ref.index)];
    return slice_of_(ref);
  }

  using Key = std::pair<VkBuffer, VkDeviceSize>;
  struct RunningTurn {
    const LoopSizes* sizes;
    StoppingLoop::Turn* turn;
  };

  const abi::Program& program_;
  const ShapePlan& plan_;
  const std::function<Slice(const abi::BufferRef&)>& slice_of_;
  std::vector<std::int64_t> dims_;
  std::size_t stride_;                 // of a step's first number, in numbers
  std::vector<Slice> read_, written_;  // by the running turn, of each carried value
  std::set<Key> touched_;              // since the last barrier
  std::vector<Item> items_;            // of the program or the turn
  std::vector<RunningTurn> turns_;     // of the loops that stop, outer before inner
  bool open_ = false;                  // whether the last part goes on
  Schedule schedule_;
};

}  // namespace

Schedule make_schedule(const abi::Program& program, const ShapePlan& plan, const Device& device,
                       const std::function<Slice(const abi::BufferRef&)>& slice_of) {
  return Scheduler(program, plan, device, slice_of).run();
}

}  // namespace heed::vulkan
