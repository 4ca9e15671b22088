#include "heed/runtime/vulkan/recording.h"

namespace heed::vulkan {
namespace {

// Of the time before a part's first dispatch: parts before it have one of these each, too.
std::size_t first_time(const Part& part, std::size_t index) { return part.first + index; }

}  // namespace

void Recording::record(const Recorded& recorded) {
  const Schedule& schedule = recorded.schedule;
  recorded_ = false;
  recorder_.reserve(schedule.dispatches.size(), schedule.slices.size());
  if (timed_) make_times(schedule.dispatches.size() + schedule.parts.size());
  commands_.begin();
  for (std::size_t p = 0; p < schedule.parts.size(); ++p) {
    if (p) commands_.next();
    record(recorded, p);
  }
  commands_.end();
  recorded_ = true;
}

void Recording::record(const Recorded& recorded, std::size_t index) {
  constexpr int work = Commands::kernels | Commands::copies;
  const Schedule& schedule = recorded.schedule;
  const Part& part = schedule.parts[index];
  if (index == schedule.items.front().index) {
    record_copies(recorded.to_inputs);
    if (!recorded.updates.empty()) commands_.barrier(Commands::copies, Commands::copies);
    record_copies(recorded.updates);
    recorded.status.record_clear(commands_);
    commands_.barrier(Commands::copies, Commands::kernels);
  } else {
    commands_.barrier(work, work);
  }
  auto numbers_of = [&](std::size_t dispatch, std::size_t count) {
    Slice numbers = recorded.numbers;
    numbers.offset += schedule.dispatches[dispatch].first_number * sizeof(std::int32_t);
    numbers.size = count * sizeof(std::int32_t);
    return numbers;
  };
  if (part.in_turn && part.first < part.end && recorded.turn_numbers.buffer) {
    const std::size_t from = schedule.dispatches[part.first].first_number,
                      to = part.end < schedule.dispatches.size()
                               ? schedule.dispatches[part.end].first_number
                               : schedule.numbers.size();
    const Slice numbers = numbers_of(part.first, to - from);
    Slice written = recorded.turn_numbers;
    written.offset += numbers.offset - recorded.numbers.offset;
    commands_.copy(written, numbers, numbers.size);
    commands_.barrier(Commands::copies, Commands::kernels);
  }
  if (timed_) {
    device().functions().cmd_reset_query_pool(commands_.buffer(), queries_.get(),
                                              std::uint32_t(first_time(part, index)),
                                              std::uint32_t(1 + part.end - part.first));
    stamp(first_time(part, index));
  }
  for (std::size_t n = part.first; n < part.end; ++n) {
    const Dispatched& d = schedule.dispatches[n];
    if (n > part.first && (timed_ || d.waits))
      commands_.barrier(Commands::kernels, Commands::kernels);
    const abi::Step& step = recorded.program.steps[d.step];
    recorder_.dispatch(commands_, std::size_t(step.kernel),
                       std::span(schedule.slices).subspan(d.first_slice, step.buffers.size()),
                       numbers_of(n, 1 + step.dims.size()), recorded.status.of(d.step),
                       recorded.plan.steps[d.step].work,
                       recorded.program.kernels[std::size_t(step.kernel)].group);
    if (timed_) stamp(first_time(part, index) + 1 + n - part.first);
  }
  commands_.barrier(Commands::kernels, Commands::copies | Commands::cpu);
  record_copies(part.copies);
  if (index == schedule.items.back().index) {
    recorded.status.record_fetch(commands_);
    record_copies(recorded.to_host);
  }
  commands_.barrier(Commands::copies, Commands::cpu);
}

void Recording::record_copies(std::span<const Copy> copies) {
  for (const Copy& copy : copies) commands_.copy(copy.from, copy.to, copy.size);
}

void Recording::make_times(std::size_t count) {
  VkQueryPoolCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
  info.queryType = VK_QUERY_TYPE_TIMESTAMP;
  info.queryCount = std::uint32_t(count);
  VkQueryPool pool = nullptr;
  queries_ = {};
  const std::shared_ptr<const Device>& device = commands_.device();
  device->check(device->functions().create_query_pool(device->handle(), &info, nullptr, &pool),
                "measuring time");
  queries_ = {device, pool};
  times_.resize(count);
}

void Recording::stamp(std::size_t time) {
  device().functions().cmd_write_timestamp(commands_.buffer(), VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT,
                                           queries_.get(), std::uint32_t(time));
}

std::span<const std::uint64_t> Recording::times(const Part& part, std::size_t index) {
  const std::span<std::uint64_t> found = std::span(times_).first(1 + part.end - part.first);
  device().check(device().functions().get_query_pool_results(
                     device().handle(), queries_.get(), std::uint32_t(first_time(part, index)),
                     std::uint32_t(found.size()), found.size_bytes(), found.data(), sizeof found[0],
                     VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
                 "measuring time");
  return found;
}

}  // namespace heed::vulkan
