#include "heed/runtime/session.h"

#include <atomic>
#include <string>
#include <vector>

#include "heed/runtime/binding.h"
#include "heed/runtime/error.h"
#include "heed/runtime/parallel.h"
#include "heed/runtime/profile.h"
#include "heed/runtime/shape_plan.h"
#include "heed/runtime/step.h"

namespace heed {

struct Session::State {
  State(std::shared_ptr<const Binding> weights, ThreadPool threads)
      : binding(std::move(weights)), pool(std::move(threads)), plan(binding->program().data()) {
    bind_steps();
    pool.start();
  }

  const abi::Program& data() const { return binding->program().data(); }

  // ---- once ---------------------------------------------------------------------------------

  // Addresses of what is shared, and where the others are to be filled in.
  void bind_steps() {
    const abi::Program& p = data();
    std::size_t count = 3 * p.carried.size();
    for (const abi::Step& step : p.steps) count += step.buffers.size();
    addresses.reserve(count);  // the steps point into it
    values_read.resize(p.carried.size());
    values_written.resize(p.carried.size());
    for (const abi::Loop& loop : p.loops)
      loops.push_back({std::size_t(loop.first), std::size_t(loop.end), loop.reverse, {}, {}, {}});
    for (const abi::Step& step : p.steps) {
      steps.push_back({binding->program().loaded().kernels[std::size_t(step.kernel)],
                       addresses.data() + addresses.size(), nullptr, 0, step.grain});
      for (const abi::BufferRef& ref : step.buffers) bind(ref);
    }
    for (std::size_t c = 0; c < p.carried.size(); ++c) {
      const abi::Carried& carried = p.carried[c];
      loops[std::size_t(carried.loop)].carried.push_back({c, addresses.size()});
      for (const abi::BufferRef& ref : {carried.initial, carried.last, carried.other}) bind(ref);
    }
  }
  void bind(const abi::BufferRef& ref) {
    const auto index = std::size_t(ref.index);
    const Patch patch{addresses.size(), index};
    switch (ref.place) {
      case abi::Place::arena: in_arena.push_back(patch); break;
      case abi::Place::input: in_inputs.push_back(patch); break;
      case abi::Place::output: in_outputs.push_back(patch); break;
      case abi::Place::carried: loops[std::size_t(data().carried[index].loop)].reads.push_back(patch); break;
      case abi::Place::next: loops[std::size_t(data().carried[index].loop)].writes.push_back(patch); break;
      default: break;
    }
    addresses.push_back(binding->address(ref));
  }

  // ---- when sizes change --------------------------------------------------------------------

  void resize(std::span<const Tensor* const> inputs) {
    plan.make(inputs);
    planned = false;
    grow(arena, plan.arena_bytes, "intermediates");
    grow(scratch, plan.scratch_bytes * std::size_t(pool.threads()), "scratch memory");
    for (const Patch& patch : in_arena)
      addresses[patch.address] = arena.data() + plan.arena_offsets[patch.index];
    for (std::size_t s = 0; s < steps.size(); ++s) {
      steps[s].dims = plan.dims.data() + plan.steps[s].first_dim;
      steps[s].work = plan.steps[s].work;
    }
    outputs_planned = false;
    planned = true;
  }

  static void grow(Memory& memory, std::size_t size, const char* what) {
    if (memory.size() >= size) return;
    memory = Memory();  // first: never both at once
    memory = Memory(size, what);
  }

  // The session's own outputs; not needed by those who only run_into theirs.
  void make_outputs() {
    if (outputs_planned) return;
    outputs.clear();
    for (std::size_t i = 0; i < plan.outputs.size(); ++i)
      outputs.emplace_back(data().outputs[i].type.dtype, plan.outputs[i]);
    outputs_planned = true;
  }

  // ---- every run ----------------------------------------------------------------------------

  void plan_for(std::span<const Tensor* const> inputs) {
    if (!planned || !plan.holds_for(inputs)) resize(inputs);
    for (const Patch& patch : in_inputs)  // kernels do not write inputs
      addresses[patch.address] = const_cast<void*>(inputs[patch.index]->data());
  }

  void execute() {
    if (profile) profile->add_run();
    execute(0, steps.size(), 0);
  }

  // Steps [first, end), with the loops among them from `loop` on. Gives the loop that follows.
  std::size_t execute(std::size_t first, std::size_t end, std::size_t loop) {
    for (std::size_t s = first; s < end;) {
      if (loop < loops.size() && loops[loop].first == s) {
        s = loops[loop].end;
        loop = execute_loop(loop);
      } else {
        execute_step(s++);
      }
    }
    return loop;
  }

  std::size_t execute_loop(std::size_t l) {
    const BoundLoop& loop = loops[l];
    const LoopSizes& sizes = plan.loops[l];
    std::size_t behind = l + 1;
    std::int64_t shown = 0;  // the turn that dims are for
    auto turn_to = [&](std::int64_t turn) {
      for (const TurnDim& d : sizes.dims) plan.dims[d.dim] += d.slope * (turn - shown);
      shown = turn;
    };
    for (std::int64_t done = 0; done < sizes.count; ++done) {
      const std::size_t left = std::size_t(sizes.count - 1 - done);  // after this turn
      for (const CarriedAddresses& carried : loop.carried) {
        void* const* own = addresses.data() + carried.address;  // initial, last, other
        values_read[carried.index] = done == 0 ? own[0] : own[1 + (left + 1) % 2];
        values_written[carried.index] = own[1 + left % 2];
      }
      for (const Patch& patch : loop.reads) addresses[patch.address] = values_read[patch.index];
      for (const Patch& patch : loop.writes) addresses[patch.address] = values_written[patch.index];
      turn_to(loop.reverse ? sizes.count - done : done + 1);
      behind = execute(loop.first, loop.end, l + 1);
    }
    turn_to(0);
    return behind;
  }

  void execute_step(std::size_t s) {
    if (!profile) {
      if (const std::int32_t status = run_step(pool, steps[s], scratch.data(), plan.scratch_bytes)) fail(s, status);
      return;
    }
    auto count = [&](const Dim& d) {
      return static_cast<double>(
          evaluate(d, [&](std::uint64_t symbol) { return plan.symbols.find(symbol); }).value_or(0));
    };
    const abi::Step& step = data().steps[s];
    const auto begin = Profile::now();
    const std::int32_t status = run_step(pool, steps[s], scratch.data(), plan.scratch_bytes);
    const abi::KernelEntry& kernel = data().kernels[std::size_t(step.kernel)];
    profile->add({step.label, kernel.kind, kernel.symbol, track, begin, Profile::now(),
                  count(step.flops), count(step.bytes)});
    if (status) fail(s, status);
  }

  [[noreturn]] void fail(std::size_t step, std::int32_t status) {
    planned = false;  // a loop's dims stand in the middle of it
    const abi::Step& failed = data().steps[step];
    throw Error("run: step '", failed.label, "' (", data().kernels[std::size_t(failed.kernel)].kind,
                ") of '", data().name, "' failed: ", text_of_status(status));
  }

  struct Patch {
    std::size_t address, index;  // addresses[address] is that of slot, input, output or carried value `index`
  };
  struct CarriedAddresses {
    std::size_t index, address;  // of `initial`; `last` and `other` follow
  };
  struct BoundLoop {
    std::size_t first, end;
    bool reverse;
    std::vector<CarriedAddresses> carried;
    std::vector<Patch> reads, writes;
  };

  std::shared_ptr<const Binding> binding;
  ThreadPool pool;
  ShapePlan plan;
  std::vector<void*> addresses;  // the steps' buffers, one step after another
  std::vector<BoundStep> steps;
  std::vector<BoundLoop> loops;
  std::vector<void*> values_read, values_written;  // by the running turn, of each carried value
  std::vector<Patch> in_arena, in_inputs, in_outputs;
  Memory arena, scratch;
  std::vector<Tensor> outputs;
  bool planned = false, outputs_planned = false;
  std::atomic<bool> running{false};
  Profile* profile = nullptr;
  int track = 0;
};

namespace {

// One run at a time.
class Turn {
 public:
  explicit Turn(std::atomic<bool>& running) : running_(running) {
    if (running_.exchange(true, std::memory_order_acquire))
      throw Error(
          "run: this session is running already on another thread; give each thread its own by ",
          "Session::sibling");
  }
  ~Turn() { running_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool>& running_;
};

bool overlap(const Tensor& a, const Tensor& b) {
  const auto first = reinterpret_cast<std::uintptr_t>(a.data()),
             second = reinterpret_cast<std::uintptr_t>(b.data());
  return first < second + b.size_bytes() && second < first + a.size_bytes();
}

}  // namespace

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Session::Session(const Program& program, const Checkpoint& checkpoint, int threads) {
  ThreadPool pool(threads);
  auto binding = std::make_shared<const Binding>(program, checkpoint, pool);
  state_ = std::make_unique<State>(std::move(binding), std::move(pool));
}

Session Session::sibling(int threads) const {
  return Session(std::make_unique<State>(state_->binding, ThreadPool(threads)));
}

Results Session::run(std::span<const Tensor* const> inputs) {
  State& s = *state_;
  const Turn turn(s.running);
  s.plan_for(inputs);
  s.make_outputs();
  for (const State::Patch& patch : s.in_outputs)
    s.addresses[patch.address] = s.outputs[patch.index].data();
  s.execute();
  return Results(s.outputs, s.binding->program());
}

void Session::run_into(std::span<const Tensor* const> inputs, std::span<Tensor* const> outputs) {
  State& s = *state_;
  const Turn turn(s.running);
  s.plan_for(inputs);
  const auto& specs = s.data().outputs;
  if (outputs.size() != specs.size())
    throw Error("run_into: ", outputs.size(), " tensors were given for the ", specs.size(),
                " outputs of '", s.data().name, "'");
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i]->dtype() != specs[i].type.dtype || !(outputs[i]->sizes() == s.plan.outputs[i]))
      throw Error("run_into: output '", specs[i].name, "' is ", name_of(specs[i].type.dtype), ' ',
                  text_of(s.plan.outputs[i]), ", the tensor given for it ",
                  name_of(outputs[i]->dtype()), ' ', text_of(outputs[i]->sizes()));
    for (const Tensor* input : inputs)
      if (overlap(*outputs[i], *input))
        throw Error("run_into: the tensor given for output '", specs[i].name,
                    "' overlaps an input");
    for (std::size_t j = 0; j < i; ++j)
      if (overlap(*outputs[i], *outputs[j]))
        throw Error("run_into: the tensors given for outputs '", specs[j].name, "' and '",
                    specs[i].name, "' overlap");
  }
  for (const State::Patch& patch : s.in_outputs)
    s.addresses[patch.address] = outputs[patch.index]->data();
  s.execute();
}

void Session::set_profile(Profile* profile) {
  state_->profile = profile;
  state_->track = profile ? profile->new_track() : 0;
}

const Program& Session::program() const { return state_->binding->program(); }
int Session::threads() const { return state_->pool.threads(); }
std::size_t Session::weight_bytes() const { return state_->binding->size_bytes(); }
std::size_t Session::arena_bytes() const { return state_->plan.arena_bytes; }

std::size_t Results::size() const {
  return static_cast<std::size_t>(program_->data().result_count);
}

const Tensor& Results::operator[](std::size_t index) const {
  if (index >= size())
    throw Error("run: '", program_->name(), "' has ", size(), " results, number ", index,
                " was asked for");
  return outputs_[index];
}

const Tensor& Results::probe(std::string_view name) const {
  const auto specs = program_->outputs();
  std::string known;
  for (std::size_t i = size(); i < specs.size(); ++i) {
    if (specs[i].name == name) return outputs_[i];
    known += (known.empty() ? "" : ", ") + specs[i].name;
  }
  throw Error("run: '", program_->name(), "' was not loaded with the probe '", name,
              "'; its probes are: ", known.empty() ? "none" : known,
              ". Ask for it in Options::probes");
}

Results::operator Tensor() const {
  if (size() != 1)
    throw Error("run: '", program_->name(), "' has ", size(),
                " results; name the one you want, as in run(…)[0]");
  return outputs_[0].view();
}

}  // namespace heed
