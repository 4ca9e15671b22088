#include "heed/runtime/cpu_executor.h"

#include <array>
#include <cstring>
#include <vector>

#include "heed/runtime/binding.h"
#include "heed/runtime/parallel.h"
#include "heed/runtime/profile.h"
#include "heed/runtime/shape_plan.h"
#include "heed/runtime/step.h"

namespace heed {
namespace {

class CpuExecutor final : public Executor {
 public:
  CpuExecutor(std::shared_ptr<const Binding> weights, ThreadPool threads)
      : binding(std::move(weights)), pool(std::move(threads)) {
    bind_steps();
    pool.start();
  }

  std::unique_ptr<Executor> sibling(int threads) const override {
    return std::make_unique<CpuExecutor>(binding, ThreadPool(threads));
  }
  int threads() const override { return pool.threads(); }
  std::size_t weight_bytes() const override { return binding->size_bytes(); }

  void resize(ShapePlan& sizes) override {
    plan = &sizes;
    grow(arena, sizes.arena_bytes, "intermediates");
    grow(scratch, sizes.scratch_bytes * std::size_t(pool.threads()), "scratch memory");
    for (const Patch& patch : in_arena)
      addresses[patch.address] = arena.data() + sizes.arena_offsets[patch.index];
    for (std::size_t s = 0; s < steps.size(); ++s) {
      steps[s].dims = sizes.dims.data() + sizes.steps[s].first_dim;
      steps[s].work = sizes.steps[s].work;
    }
  }

  void run(std::span<const Tensor* const> inputs, std::span<Tensor* const> outputs, Profile* to,
           int track_of_it) override {
    for (const Patch& patch : in_inputs)  // kernels do not write inputs
      addresses[patch.address] = const_cast<void*>(inputs[patch.index]->data());
    for (const Patch& patch : in_outputs) addresses[patch.address] = outputs[patch.index]->data();
    for (const auto [input, output] : data().updates) {
      const Tensor& from = *inputs[std::size_t(input)];
      Tensor& into = *outputs[std::size_t(output)];
      if (from.data() != into.data()) std::memcpy(into.data(), from.data(), from.size_bytes());
    }
    profile = to;
    track = track_of_it;
    execute(0, steps.size(), 0);
  }

 private:
  struct Patch {
    // addresses[address] is that of slot, input, output or carried value `index`
    std::size_t address, index;
  };
  struct CarriedAddresses {
    std::size_t index, address;  // of `initial`; `last` and `other` follow
  };
  struct BoundLoop {
    std::size_t first, end;
    bool reverse;
    std::vector<CarriedAddresses> carried;
    std::vector<Patch> reads, writes;
    std::size_t going = 0;  // address of what says whether to go on
  };

  const abi::Program& data() const { return binding->program().data(); }

  // ---- once ---------------------------------------------------------------------------------

  // Addresses of what is shared, and where the others are to be filled in.
  void bind_steps() {
    const abi::Program& p = data();
    std::size_t count = 3 * p.carried.size() + p.loops.size();
    for (const abi::Step& step : p.steps) count += step.buffers.size();
    addresses.reserve(count);  // the steps point into it
    values_read.resize(p.carried.size());
    values_written.resize(p.carried.size());
    for (const abi::Loop& loop : p.loops)
      loops.push_back(
          {std::size_t(loop.first), std::size_t(loop.end), loop.reverse, {}, {}, {}, 0});
    for (const abi::Step& step : p.steps) {
      steps.push_back({binding->program().loaded().kernels[std::size_t(step.kernel)],
                       addresses.data() + addresses.size(), nullptr, 0, step.grain,
                       step.packs_once});
      for (const abi::BufferRef& ref : step.buffers) bind(ref);
    }
    for (std::size_t c = 0; c < p.carried.size(); ++c) {
      const abi::Carried& carried = p.carried[c];
      loops[std::size_t(carried.loop)].carried.push_back({c, addresses.size()});
      for (const abi::BufferRef& ref : {carried.initial, carried.last, carried.other}) bind(ref);
    }
    for (std::size_t l = 0; l < p.loops.size(); ++l) {
      loops[l].going = addresses.size();
      if (!(p.loops[l].going_count == Dim(0))) bind(p.loops[l].going);
    }
  }
  void bind(const abi::BufferRef& ref) {
    const auto index = std::size_t(ref.index);
    const Patch patch{addresses.size(), index};
    switch (ref.place) {
      case abi::Place::arena: in_arena.push_back(patch); break;
      case abi::Place::input: in_inputs.push_back(patch); break;
      case abi::Place::output: in_outputs.push_back(patch); break;
      case abi::Place::carried:
        loops[std::size_t(data().carried[index].loop)].reads.push_back(patch);
        break;
      case abi::Place::next:
        loops[std::size_t(data().carried[index].loop)].writes.push_back(patch);
        break;
      default: break;
    }
    addresses.push_back(binding->address(ref));
  }

  static void grow(Memory& memory, std::size_t size, const char* what) {
    if (memory.size() >= size) return;
    memory = Memory();  // first: never both at once
    memory = Memory(size, what);
  }

  // ---- every run ----------------------------------------------------------------------------

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
    const LoopSizes& sizes = plan->loops[l];
    std::size_t behind = l + 1;
    std::int64_t shown = 0;  // the turn that dims are for
    auto turn_to = [&](std::int64_t turn) {
      for (const TurnDim& d : sizes.dims) plan->dims[d.dim] += d.slope * (turn - shown);
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
      if (sizes.going && left && !std::memchr(addresses[loop.going], 1, std::size_t(sizes.going))) {
        for (const CarriedAddresses& carried : loop.carried)
          if (void* const last = addresses[carried.address + 1];
              values_written[carried.index] != last)
            std::memcpy(last, values_written[carried.index], plan->carried[carried.index]);
        break;
      }
    }
    turn_to(0);
    return behind;
  }

  void execute_step(std::size_t s) {
    const abi::Step& step = data().steps[s];
    if (!profile) {
      if (const std::int32_t status = run_step(pool, steps[s], scratch.data(), plan->scratch_bytes))
        throw_failed_step(data(), step, "run", status);
      return;
    }
    TileCounts tiles{};
    if (step.counts_tiles) set_tile_counts(tiles);
    const auto begin = Profile::now();
    const std::int32_t status = run_step(pool, steps[s], scratch.data(), plan->scratch_bytes);
    const auto end = Profile::now();
    const abi::KernelEntry& kernel = data().kernels[std::size_t(step.kernel)];
    if (step.counts_tiles) tiles = sum_of_tile_counts();
    profile->add({step.label, kernel.kind, kernel.symbol, track, begin, end,
                  plan->symbols.amount(step.flops), plan->symbols.amount(step.bytes),
                  tiles[abi::tiles_in_all], tiles[abi::tiles_visited]});
    if (status) throw_failed_step(data(), step, "run", status);
  }

  // In the threads' scratch, while a step that counts is the one that uses it.
  using TileCounts = std::array<std::int64_t, abi::tile_counters>;
  std::byte* tile_counts_of(int thread) {
    return scratch.data() + std::size_t(thread) * plan->scratch_bytes;
  }
  void set_tile_counts(const TileCounts& counts) {
    for (int thread = 0; thread < pool.threads(); ++thread)
      std::memcpy(tile_counts_of(thread), counts.data(), sizeof counts);
  }
  TileCounts sum_of_tile_counts() {
    TileCounts sum{}, counts;
    for (int thread = 0; thread < pool.threads(); ++thread) {
      std::memcpy(counts.data(), tile_counts_of(thread), sizeof counts);
      for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += counts[c];
    }
    return sum;
  }

  std::shared_ptr<const Binding> binding;
  ThreadPool pool;
  ShapePlan* plan = nullptr;
  std::vector<void*> addresses;  // the steps' buffers, one step after another
  std::vector<BoundStep> steps;
  std::vector<BoundLoop> loops;
  std::vector<void*> values_read, values_written;  // by the running turn, of each carried value
  std::vector<Patch> in_arena, in_inputs, in_outputs;
  Memory arena, scratch;
  Profile* profile = nullptr;
  int track = 0;
};

}  // namespace

std::unique_ptr<Executor> make_cpu_executor(const Program& program, const Checkpoint& checkpoint,
                                            int threads) {
  ThreadPool pool(threads);
  auto binding = std::make_shared<const Binding>(program, checkpoint, pool);
  return std::make_unique<CpuExecutor>(std::move(binding), std::move(pool));
}

}  // namespace heed
