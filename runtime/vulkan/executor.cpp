// A session on a device: one command buffer for the program and its sizes, submitted once a run. A
// program with a loop that stops has several, and the CPU reads behind each turn whether to go on.
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "heed/runtime/error.h"
#include "heed/runtime/loaded_program.h"
#include "heed/runtime/profile.h"
#include "heed/runtime/shape_plan.h"
#include "heed/runtime/vulkan/gpu.h"
#include "heed/runtime/vulkan/recording.h"
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
        flags_(device_, Role::download, "what loops stop by"),
        status_(device_, data().steps.size()),
        uploader_(device_),
        doing_("running '" + data().name + "'"),
        plain_(weights_->kernels(), false) {}

  std::unique_ptr<Executor> sibling(int) const override {
    return std::make_unique<VulkanExecutor>(weights_);
  }
  int threads() const override { return 1; }
  std::size_t weight_bytes() const override { return weights_->size_bytes(); }

  void resize(ShapePlan& plan) override {
    plan_ = &plan;
    if (timed_) timed_->forget();
    make_room();
    schedule_ = make_schedule(data(), plan, *device_,
                              [&](const abi::BufferRef& ref) { return slice(ref); });
    make_numbers();
    make_flags();
    plain_.record(recorded());
  }

  void run(std::span<const Tensor* const> inputs, std::span<Tensor* const> outputs,
           Profile* profile, int track) override {
    const bool timed = profile && device_->has_timestamps();
    if (timed && !(timed_ && timed_->is_recorded())) {
      if (!timed_) timed_.emplace(weights_->kernels(), true);
      timed_->record(recorded());
    }
    for (std::size_t i = 0; i < inputs.size(); ++i)
      std::memcpy(host(inputs_, input(i), i), inputs[i]->data(), inputs[i]->size_bytes());
    recording_ = timed ? &*timed_ : &plain_;
    profile_ = profile;
    track_ = track;
    run(schedule_.items);
    if (const auto failure = status_.failure())
      throw_failed_step(data(), data().steps[failure->step], "run", failure->status);
    for (std::size_t i = 0; i < outputs.size(); ++i)
      std::memcpy(outputs[i]->data(), host(outputs_, output(i), i), outputs[i]->size_bytes());
  }

 private:
  const abi::Program& data() const { return weights_->program().data(); }

  // buffers_ holds the arena's slots, the inputs, the outputs.
  const Slice& input(std::size_t i) const { return buffers_[data().arena.size() + i]; }
  const Slice& output(std::size_t i) const {
    return buffers_[data().arena.size() + data().inputs.size() + i];
  }
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
    for (std::size_t i = 0; i < data().inputs.size(); ++i)
      in.push_back(bytes_of(data().inputs[i], plan_->inputs()[i]));
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
                  " elements, kernels count with 32 bits; use a smaller batch or picture, or "
                  "another target");
    return std::size_t(elements) * size_of(spec.type.dtype);
  }

  void make_numbers() {
    const auto bytes = std::as_bytes(std::span(schedule_.numbers));
    auto grow = [&](Block& block, Role role) {
      if (block.size() >= bytes.size()) return;
      block = Block();
      block = Block(device_, bytes.size(), role, "the steps' numbers");
    };
    grow(numbers_, Role::device);
    if (!bytes.empty()) uploader_.upload(bytes, numbers_.whole());
    if (device_->is_unified() || schedule_.loops.empty()) return;
    grow(turn_numbers_, Role::upload);
    std::memcpy(turn_numbers_.whole().host, bytes.data(), bytes.size());
  }
  std::int32_t* turn_numbers() const {
    return reinterpret_cast<std::int32_t*>(
        (device_->is_unified() ? numbers_ : turn_numbers_).whole().host);
  }

  // Where the CPU reads them: its own memory, or what they are copied to behind their parts.
  void make_flags() {
    if (device_->is_unified()) return;
    std::vector<std::size_t> sizes;
    for (const Slice& flags : schedule_.flags) sizes.push_back(flags.size);
    flags_.resize(sizes);
    for (Part& part : schedule_.parts)
      if (part.flags) {
        const Slice& flags = schedule_.flags[*part.flags];
        part.copies.push_back({flags, flags_[*part.flags], flags.size});
      }
  }
  bool is_any_set(std::size_t flags) const {
    return std::memchr(host(flags_, schedule_.flags[flags], flags), 1, schedule_.flags[flags].size);
  }

  Recorded recorded() const {
    Recorded r{data(), *plan_, schedule_, status_, numbers_.whole(), turn_numbers_.whole(),
               {},     {},     {}};
    for (const auto [from, to] : data().updates)
      r.updates.push_back(
          {input(std::size_t(from)), output(std::size_t(to)), input(std::size_t(from)).size});
    if (device_->is_unified()) return r;
    for (std::size_t i = 0; i < data().inputs.size(); ++i)
      r.to_inputs.push_back({inputs_[i], input(i), input(i).size});
    for (std::size_t i = 0; i < data().outputs.size(); ++i)
      r.to_host.push_back({output(i), outputs_[i], output(i).size});
    return r;
  }

  void run(std::span<const Item> items) {
    for (const Item& item : items)
      item.is_loop ? run(schedule_.loops[item.index]) : run(item.index);
  }

  void run(StoppingLoop& loop) {
    for (std::int64_t done = 0; done < loop.count; ++done) {
      const std::int64_t left = loop.count - 1 - done;
      StoppingLoop::Turn& turn = loop.turns[StoppingLoop::kind(done, left)];
      show(turn, loop.reverse ? left + 1 : done + 1);
      run(turn.items);
      if (left == 0 || is_any_set(*schedule_.parts[turn.items.back().index].flags)) continue;
      if (turn.settles) run(*turn.settles);
      return;
    }
  }
  void show(StoppingLoop::Turn& turn, std::int64_t number) const {
    std::int32_t* const numbers = turn_numbers();
    for (const TurnNumber& n : turn.numbers)
      numbers[n.number] += std::int32_t(n.slope * (number - turn.shown));
    turn.shown = number;
  }

  void run(std::size_t part) {
    const auto begin = Profile::now();
    recording_->run(part, doing_);
    if (profile_) report(part, begin, Profile::now());
  }

  // Times on the device's clock, counted from the submission.
  void report(std::size_t index, Profile::Nanoseconds begin, Profile::Nanoseconds end) {
    const Symbols& symbols = plan_->symbols;
    const Part& part = schedule_.parts[index];
    if (recording_ == &plain_) {  // a device without timestamps: all at once
      double flops = 0, bytes = 0;
      for (std::size_t n = part.first; n < part.end; ++n) {
        flops += symbols.amount(data().steps[schedule_.dispatches[n].step].flops);
        bytes += symbols.amount(data().steps[schedule_.dispatches[n].step].bytes);
      }
      return profile_->add({data().name, "program", data().name, track_, begin, end, flops, bytes});
    }
    const std::span<const std::uint64_t> times = recording_->times(part, index);
    auto at = [&](std::size_t n) {
      return begin + Profile::Nanoseconds(device_->nanoseconds(times[0], times[n]));
    };
    for (std::size_t n = 0; n < part.end - part.first; ++n) {
      const abi::Step& step = data().steps[schedule_.dispatches[part.first + n].step];
      const abi::KernelEntry& kernel = data().kernels[std::size_t(step.kernel)];
      profile_->add({step.label, kernel.kind, kernel.symbol, track_, at(n), at(n + 1),
                     symbols.amount(step.flops), symbols.amount(step.bytes)});
    }
  }

  std::shared_ptr<const Weights> weights_;
  std::shared_ptr<const Device> device_;
  // all but the first only where the device is not unified
  Pool buffers_, inputs_, outputs_, flags_;
  StatusWords status_;
  Uploader uploader_;
  std::string doing_;
  Block numbers_, turn_numbers_;  // the latter only where the device is not unified
  ShapePlan* plan_ = nullptr;
  Schedule schedule_;
  Recording plain_;
  std::optional<Recording> timed_;
  // Of the running run:
  Recording* recording_ = nullptr;
  Profile* profile_ = nullptr;
  int track_ = 0;
};

}  // namespace

std::unique_ptr<Executor> make_executor(const Program& program, const Checkpoint& checkpoint) {
  return std::make_unique<VulkanExecutor>(std::make_shared<const Weights>(program, checkpoint));
}

}  // namespace heed::vulkan
