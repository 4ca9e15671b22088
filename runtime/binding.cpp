#include "heed/runtime/binding.h"

#include <algorithm>

#include "heed/runtime/executor.h"
#include "heed/runtime/step.h"
#include "heed/runtime/weight_uses.h"

namespace heed {
namespace {

Memory read(const Checkpoint& checkpoint, const abi::TensorSpec& parameter) {
  Memory memory(bytes_of(parameter), "weights");
  checkpoint.read(*checkpoint.find(parameter.name), parameter.type.dtype, memory.bytes());
  return memory;
}

}  // namespace

Binding::Binding(Program program, const Checkpoint& checkpoint, ThreadPool& pool)
    : program_(std::move(program)) {
  const abi::Program& p = program_.data();
  checkpoint.require(p.parameters, p.name);
  parameters_.resize(p.parameters.size());
  place_prepared();
  const auto last_parameter = last_uses(p, abi::Place::parameter, p.parameters.size());
  const auto last_prepared = last_uses(p, abi::Place::prepared, p.prepared.size());

  Memory scratch;
  for (std::size_t s = 0; s < p.prepare.size(); ++s) {
    for (const abi::BufferRef& ref : p.prepare[s].buffers) {
      const auto index = std::size_t(ref.index);
      if (ref.place == abi::Place::parameter && !parameters_[index].data())
        parameters_[index] = read(checkpoint, p.parameters[index]);
      if (ref.place == abi::Place::prepared && !prepared_[index]) {
        temporaries_[index] = Memory(bytes_of(p.prepared[index]), "weights");
        prepared_[index] = temporaries_[index].data();
      }
    }
    run(p.prepare[s], pool, scratch);
    for (const abi::BufferRef& ref : p.prepare[s].buffers) {
      const auto index = std::size_t(ref.index);
      if (ref.place == abi::Place::parameter && last_parameter[index] == s)
        parameters_[index] = Memory();
      if (ref.place == abi::Place::prepared && last_prepared[index] == s) {
        temporaries_[index] = Memory();
        prepared_[index] = nullptr;
      }
    }
  }
  for (std::size_t i = 0; i < p.parameters.size(); ++i)
    if (last_parameter[i] == used_by_sessions && !parameters_[i].data())
      parameters_[i] = read(checkpoint, p.parameters[i]);
}

void Binding::place_prepared() {
  const abi::Program& p = program_.data();
  temporaries_.resize(p.prepared.size());
  prepared_.assign(p.prepared.size(), nullptr);
  const auto last = last_uses(p, abi::Place::prepared, p.prepared.size());
  std::size_t total = 0;
  for (std::size_t i = 0; i < p.prepared.size(); ++i)
    if (last[i] == used_by_sessions) total += aligned_size(bytes_of(p.prepared[i]));
  kept_ = Memory(total, "weights");
  std::byte* at = kept_.data();
  for (std::size_t i = 0; i < p.prepared.size(); ++i) {
    if (last[i] != used_by_sessions) continue;
    prepared_[i] = at;
    at += aligned_size(bytes_of(p.prepared[i]));
  }
}

void Binding::run(const abi::Step& step, ThreadPool& pool, Memory& scratch) {
  std::vector<void*> buffers;
  for (const abi::BufferRef& ref : step.buffers) buffers.push_back(address(ref));
  std::vector<std::int64_t> dims;
  for (const Dim& d : step.dims) dims.push_back(d.constant);
  const std::size_t stride = aligned_size(static_cast<std::size_t>(step.scratch_bytes.constant));
  const std::size_t needed = stride * std::size_t(pool.threads());
  if (scratch.size() < needed) scratch = Memory(needed, "scratch memory");
  const BoundStep bound{program_.loaded().kernels[std::size_t(step.kernel)],
                        buffers.data(),
                        dims.data(),
                        step.work.constant,
                        step.grain,
                        step.packs_once};
  if (const std::int32_t status = run_step(pool, bound, scratch.data(), stride))
    throw_failed_step(program_.data(), step, "bind", status);
}

void* Binding::address(const abi::BufferRef& ref) const {
  const auto index = std::size_t(ref.index);
  switch (ref.place) {
    case abi::Place::constant: return program_.loaded().constants.data() + index;
    case abi::Place::parameter: return parameters_[index].data();
    case abi::Place::prepared: return prepared_[index];
    default: return nullptr;
  }
}

std::size_t Binding::size_bytes() const {
  std::size_t total = kept_.size();
  for (const Memory& parameter : parameters_) total += parameter.size();
  return total;
}

}  // namespace heed
