#include "heed/runtime/vulkan/weights.h"

#include <span>

#include "heed/runtime/executor.h"
#include "heed/runtime/loaded_program.h"
#include "heed/runtime/memory.h"
#include "heed/runtime/weight_uses.h"

namespace heed::vulkan {
namespace {

constexpr const char* what = "weights";

}  // namespace

struct Weights::Preparation {
  explicit Preparation(const std::shared_ptr<const Kernels>& kernels)
      : commands(kernels->device()),
        recorder(kernels),
        status(kernels->device(), 1),
        uploader(kernels->device()) {}

  Commands commands;
  Recorder recorder;
  StatusWords status;
  Uploader uploader;
};

Weights::Weights(const Program& program, const Checkpoint& checkpoint)
    : program_(program), kept_(program.loaded().gpu->device(), Role::device, what) {
  const abi::Program& p = program_.data();
  checkpoint.require(p.parameters, p.name);
  last_parameter_ = last_uses(p, abi::Place::parameter, p.parameters.size());
  last_prepared_ = last_uses(p, abi::Place::prepared, p.prepared.size());
  parameters_.resize(p.parameters.size());
  prepared_.resize(p.prepared.size());
  loaded_.resize(p.parameters.size());
  keep();
  Preparation preparation(kernels());
  upload_constants(preparation.uploader);
  for (std::size_t s = 0; s < p.prepare.size(); ++s) {
    for (const abi::BufferRef& ref : p.prepare[s].buffers) {
      const auto index = std::size_t(ref.index);
      if (ref.place == abi::Place::parameter) load(checkpoint, index, preparation.uploader);
      if (ref.place == abi::Place::prepared && last_prepared_[index] != used_by_sessions &&
          !prepared_[index].size())
        prepared_[index] =
            Block(kernels()->device(), bytes_of(p.prepared[index]), Role::device, what);
    }
    run(s, preparation);
    for (const abi::BufferRef& ref : p.prepare[s].buffers) {
      const auto index = std::size_t(ref.index);
      if (ref.place == abi::Place::parameter && last_parameter_[index] == s)
        parameters_[index] = Block();
      if (ref.place == abi::Place::prepared && last_prepared_[index] == s)
        prepared_[index] = Block();
    }
  }
  for (std::size_t i = 0; i < p.parameters.size(); ++i)
    if (last_parameter_[i] == used_by_sessions) load(checkpoint, i, preparation.uploader);
}

const std::shared_ptr<const Kernels>& Weights::kernels() const { return program_.loaded().gpu; }

// Room for all that sessions use.
void Weights::keep() {
  const abi::Program& p = program_.data();
  std::vector<std::size_t> sizes;
  for (const auto* steps : {&p.prepare, &p.steps})
    for (const abi::Step& step : *steps)
      for (const abi::BufferRef& ref : step.buffers)
        if (ref.place == abi::Place::constant) constants_[ref.index] = 0;
  for (const abi::Carried& carried : p.carried)
    if (carried.initial.place == abi::Place::constant) constants_[carried.initial.index] = 0;
  for (auto at = constants_.begin(); at != constants_.end(); ++at) {
    const auto next = std::next(at);
    const std::size_t end =
        next == constants_.end() ? program_.loaded().constants.size() : std::size_t(next->first);
    at->second = sizes.size();
    sizes.push_back(end - std::size_t(at->first));
  }
  auto place = [&](const auto& weights, const std::vector<std::size_t>& last,
                   std::vector<std::size_t>& indices) {
    indices.resize(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
      require_range(*kernels()->device(), bytes_of(weights[i]), what);
      if (last[i] != used_by_sessions) continue;
      indices[i] = sizes.size();
      sizes.push_back(bytes_of(weights[i]));
    }
  };
  place(p.parameters, last_parameter_, kept_parameter_);
  place(p.prepared, last_prepared_, kept_prepared_);
  kept_.resize(sizes);
}

void Weights::upload_constants(Uploader& uploader) const {
  const std::span<const std::byte> constants = program_.loaded().constants.bytes();
  for (auto at = constants_.begin(); at != constants_.end(); ++at) {
    const auto next = std::next(at);
    const std::size_t begin = std::size_t(at->first),
                      end = next == constants_.end() ? constants.size() : std::size_t(next->first);
    uploader.upload(constants.subspan(begin, end - begin), kept_[at->second]);
  }
}

void Weights::load(const Checkpoint& checkpoint, std::size_t parameter, Uploader& uploader) {
  if (loaded_[parameter]) return;
  const abi::TensorSpec& spec = program_.data().parameters[parameter];
  if (last_parameter_[parameter] != used_by_sessions)
    parameters_[parameter] = Block(kernels()->device(), bytes_of(spec), Role::device, what);
  const Slice to = slice({abi::Place::parameter, std::int64_t(parameter)});
  auto read_into = [&](std::span<std::byte> bytes) {
    checkpoint.read(*checkpoint.find(spec.name), spec.type.dtype, bytes);
  };
  if (to.host) {
    read_into({to.host, bytes_of(spec)});
  } else {
    const Memory read(bytes_of(spec), what);
    read_into(read.bytes());
    uploader.upload(read.bytes(), to);
  }
  loaded_[parameter] = true;
}

void Weights::run(std::size_t s, Preparation& preparation) {
  const abi::Program& p = program_.data();
  const abi::Step& step = p.prepare[s];
  std::vector<Slice> buffers;
  for (const abi::BufferRef& ref : step.buffers) buffers.push_back(slice(ref));
  std::vector<std::int64_t> dims;
  for (const Dim& d : step.dims) dims.push_back(d.constant);
  std::vector<std::int32_t> numbers;
  append_numbers(numbers, step, step.work.constant, dims);
  const auto bytes = std::as_bytes(std::span(numbers));
  const Block block(kernels()->device(), bytes.size(), Role::device, "a step's numbers");
  preparation.uploader.upload(bytes, block.whole());

  Commands& commands = preparation.commands;
  preparation.recorder.reserve(1, buffers.size());
  commands.begin();
  preparation.status.record_clear(commands);
  commands.barrier(Commands::copies, Commands::kernels);
  preparation.recorder.dispatch(commands, std::size_t(step.kernel), buffers, block.whole(),
                                preparation.status.of(0), step.work.constant,
                                p.kernels[std::size_t(step.kernel)].group);
  commands.barrier(Commands::kernels, Commands::copies | Commands::cpu);
  preparation.status.record_fetch(commands);
  commands.barrier(Commands::copies, Commands::cpu);
  commands.end();
  commands.run("preparing weights");
  if (const auto failure = preparation.status.failure())
    throw_failed_step(p, step, "bind", failure->status);
}

Slice Weights::slice(const abi::BufferRef& ref) const {
  const auto index = std::size_t(ref.index);
  switch (ref.place) {
    case abi::Place::constant: return kept_[constants_.at(ref.index)];
    case abi::Place::parameter:
      return last_parameter_[index] == used_by_sessions ? kept_[kept_parameter_[index]]
                                                        : parameters_[index].whole();
    default:
      return last_prepared_[index] == used_by_sessions ? kept_[kept_prepared_[index]]
                                                       : prepared_[index].whole();
  }
}

}  // namespace heed::vulkan
