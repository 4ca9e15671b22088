// A session on a device: one command buffer for the program and its sizes, submitted once a run.
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "heed/runtime/error.h"
#include "heed/runtime/loaded_program.h"
#include "heed/runtime/profile.h"
#include "heed/runtime/shape_plan.h"
#include "heed/runtime/vulkan/gpu.h"
#include "heed/runtime/vulkan/schedule.h"
#include "heed/runtime/vulkan/weights.h"

namespace heed::vulkan {
namespace {

constexpr std::int64_t most_elements = std::int64_t(1) << 31;  // kernels count with 32 bits

class VulkanExecutor final : public Executor {
 public:
  explicit VulkanExecutor(std::shared_ptr<const Weights> weights)
      : weights_(std::move(weights)),
        device_(weights_->kernels()->device()),
        buffers_(device_, Role::device, "intermediates, inputs and results"),
        inputs_(device_, Role::upload, "inputs"),
        outputs_(device_, Role::download, "results"),
        status_(device_, data().steps.size()),
        uploader_(device_),
        doing_("running '" + data().name + "'"),
        plain_(weights_->kernels()) {}

  std::unique_ptr<Executor> sibling(int) const override { return std::make_unique<VulkanExecutor>(weights_); }
  int threads() const override { return 1; }
  std::size_t weight_bytes() const override { return weights_->size_bytes(); }

  void resize(ShapePlan& plan) override {
    plan_ = &plan;
    if (timed_) timed_->recorded = false;
    make_room();
    schedule_ = make_schedule(data(), plan, *device_, [&](const abi::BufferRef& ref) { return slice(ref); });
    const auto bytes = std::as_bytes(std::span(schedule_.numbers));
    if (numbers_.size() < bytes.size()) {
      numbers_ = Block();
      numbers_ = Block(device_, bytes.size(), Role::device, "the steps' numbers");
    }
    if (!bytes.empty()) uploader_.upload(bytes, numbers_.whole());
    record(plain_);
  }

  void run(std::span<const Tensor* const> inputs, std::span<Tensor* const> outputs, Profile* profile,
           int track) override {
    const bool timed = profile && device_->has_timestamps();
    if (timed && !(timed_ && timed_->recorded)) {
      if (!timed_) timed_.emplace(weights_->kernels());
      record(*timed_);
    }
    for (std::size_t i = 0; i < inputs.size(); ++i)
      std::memcpy(host(inputs_, input(i), i), inputs[i]->data(), inputs[i]->size_bytes());
    const auto begin = Profile::now();
    (timed ? timed_->commands : plain_.commands).run(doing_);
    if (profile) report(*profile, track, begin, Profile::now(), timed);
    if (const auto failure = status_.failure())
      throw_failed_step(data(), data().steps[failure->step], "run", failure->status);
    for (std::size_t i = 0; i < outputs.size(); ++i)
      std::memcpy(outputs[i]->data(), host(outputs_, output(i), i), outputs[i]->size_bytes());
  }

 private:
  // Commands and what they refer to.
  struct Recording {
    explicit Recording(const std::shared_ptr<const Kernels>& kernels) : commands(kernels->device()), recorder(kernels) {}

    Commands commands;
    Recorder recorder;
    Owned<VkQueryPool, &Functions::destroy_query_pool> times;  // one before all dispatches, one after each
    bool recorded = false;
  };

  const abi::Program& data() const { return weights_->program().data(); }

  // buffers_ holds the arena's slots, the inputs, the outputs.
  const Slice& input(std::size_t i) const { return buffers_[data().arena.size() + i]; }
  const Slice& output(std::size_t i) const { return buffers_[data().arena.size() + data().inputs.size() + i]; }
  Slice slice(const abi::BufferRef& ref) const {
    const auto index = std::size_t(ref.index);
    switch (ref.place) {
      case abi::Place::arena: return buffers_[index];
      case abi::Place::input: return input(index);
      case abi::Place::output: return output(index);
      default: return weights_->slice(ref);
    }
  }
  // Where the CPU writes or reads an input or output.
  static std::byte* host(const Pool& staging, const Slice& on_device, std::size_t index) {
    return on_device.host ? on_device.host : staging[index].host;
  }

  void make_room() {
    std::vector<std::size_t> sizes = plan_->arena_sizes, in, out;
    for (std::size_t i = 0; i < data().inputs.size(); ++i) in.push_back(bytes_of(data().inputs[i], plan_->inputs()[i]));
    for (std::size_t i = 0; i < data().outputs.size(); ++i)
      out.push_back(bytes_of(data().outputs[i], plan_->outputs[i]));
    sizes.insert(sizes.end(), in.begin(), in.end());
    sizes.insert(sizes.end(), out.begin(), out.end());
    buffers_.resize(sizes);
    if (device_->is_unified()) return;
    inputs_.resize(in);
    outputs_.resize(out);
  }
  static std::size_t bytes_of(const abi::TensorSpec& spec, const Sizes& sizes) {
    const std::int64_t elements = sizes.count();
    if (elements >= most_elements)
      throw Error("vulkan: '", spec.name, "' ", text_of(sizes), " has ", elements,
                  " elements, kernels count with 32 bits; use a smaller batch or picture, or another target");
    return std::size_t(elements) * size_of(spec.type.dtype);
  }

  // Whether the recording is for the profile shows by its being timed_.
  void record(Recording& recording) {
    const bool timed = timed_ && &recording == &*timed_;
    recording.recorded = false;
    recording.recorder.reserve(schedule_.dispatches.size(), schedule_.slices.size());
    if (timed) make_times(recording);
    Commands& commands = recording.commands;
    commands.begin();
    if (!device_->is_unified())
      for (std::size_t i = 0; i < data().inputs.size(); ++i) commands.copy(inputs_[i], input(i), input(i).size);
    if (!data().updates.empty()) commands.barrier(Commands::copies, Commands::copies);
    for (const auto [from, to] : data().updates)
      commands.copy(input(std::size_t(from)), output(std::size_t(to)), input(std::size_t(from)).size);
    status_.record_clear(commands);
    commands.barrier(Commands::copies, Commands::kernels);
    if (timed) stamp(recording, 0);
    for (std::size_t n = 0; n < schedule_.dispatches.size(); ++n) {
      const Dispatched& d = schedule_.dispatches[n];
      if (n && (timed || d.waits)) commands.barrier(Commands::kernels, Commands::kernels);
      const abi::Step& step = data().steps[d.step];
      Slice numbers = numbers_.whole();
      numbers.offset = d.first_number * sizeof(std::int32_t);
      numbers.size = (1 + step.dims.size()) * sizeof(std::int32_t);
      recording.recorder.dispatch(commands, std::size_t(step.kernel),
                                  std::span(schedule_.slices).subspan(d.first_slice, step.buffers.size()), numbers,
                                  status_.of(d.step), plan_->steps[d.step].work,
                                  data().kernels[std::size_t(step.kernel)].group);
      if (timed) stamp(recording, n + 1);
    }
    commands.barrier(Commands::kernels, Commands::copies | Commands::cpu);
    status_.record_fetch(commands);
    if (!device_->is_unified()) {
      for (std::size_t i = 0; i < data().outputs.size(); ++i) commands.copy(output(i), outputs_[i], output(i).size);
      commands.barrier(Commands::copies, Commands::cpu);
    }
    commands.end();
    recording.recorded = true;
  }

  void make_times(Recording& recording) {
    VkQueryPoolCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
    info.queryType = VK_QUERY_TYPE_TIMESTAMP;
    info.queryCount = std::uint32_t(schedule_.dispatches.size() + 1);
    VkQueryPool pool = nullptr;
    recording.times = {};
    device_->check(device_->functions().create_query_pool(device_->handle(), &info, nullptr, &pool), "measuring time");
    recording.times = {device_, pool};
    times_.resize(info.queryCount);
  }
  void stamp(Recording& recording, std::size_t n) {
    const Functions& f = device_->functions();
    const VkCommandBuffer buffer = recording.commands.buffer();
    if (n == 0) f.cmd_reset_query_pool(buffer, recording.times.get(), 0, std::uint32_t(times_.size()));
    f.cmd_write_timestamp(buffer, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, recording.times.get(), std::uint32_t(n));
  }

  // Times on the device's clock, counted from the submission.
  void report(Profile& profile, int track, Profile::Nanoseconds begin, Profile::Nanoseconds end, bool timed) {
    const Symbols& symbols = plan_->symbols;
    if (!timed) {  // a device without timestamps: the run as a whole
      double flops = 0, bytes = 0;
      for (const Dispatched& d : schedule_.dispatches) {
        flops += symbols.amount(data().steps[d.step].flops);
        bytes += symbols.amount(data().steps[d.step].bytes);
      }
      return profile.add({data().name, "program", data().name, track, begin, end, flops, bytes});
    }
    device_->check(device_->functions().get_query_pool_results(
                       device_->handle(), timed_->times.get(), 0, std::uint32_t(times_.size()),
                       times_.size() * sizeof times_[0], times_.data(), sizeof times_[0],
                       VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
                   "measuring time");
    auto at = [&](std::size_t n) { return begin + Profile::Nanoseconds(device_->nanoseconds(times_[0], times_[n])); };
    for (std::size_t n = 0; n < schedule_.dispatches.size(); ++n) {
      const abi::Step& step = data().steps[schedule_.dispatches[n].step];
      const abi::KernelEntry& kernel = data().kernels[std::size_t(step.kernel)];
      profile.add({step.label, kernel.kind, kernel.symbol, track, at(n), at(n + 1), symbols.amount(step.flops),
                   symbols.amount(step.bytes)});
    }
  }

  std::shared_ptr<const Weights> weights_;
  std::shared_ptr<const Device> device_;
  Pool buffers_, inputs_, outputs_;  // the latter two only where the device is not unified
  StatusWords status_;
  Uploader uploader_;
  std::string doing_;
  Block numbers_;
  ShapePlan* plan_ = nullptr;
  Schedule schedule_;
  Recording plain_;
  std::optional<Recording> timed_;
  std::vector<std::uint64_t> times_;
};

}  // namespace

std::unique_ptr<Executor> make_executor(const Program& program, const Checkpoint& checkpoint) {
  return std::make_unique<VulkanExecutor>(std::make_shared<const Weights>(program, checkpoint));
}

}  // namespace heed::vulkan
