#include "heed/runtime/session.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "heed/runtime/error.h"
#include "heed/runtime/executor.h"
#include "heed/runtime/profile.h"
#include "heed/runtime/shape_plan.h"

namespace heed {
namespace {

bool overlap(const Tensor& a, const Tensor& b) {
  const auto first = reinterpret_cast<std::uintptr_t>(a.data()),
             second = reinterpret_cast<std::uintptr_t>(b.data());
  return first < second + b.size_bytes() && second < first + a.size_bytes();
}

}  // namespace

struct Session::State {
  State(Program program_, std::unique_ptr<Executor> executor_)
      : program(std::move(program_)), executor(std::move(executor_)), plan(program.data()) {}

  const abi::Program& data() const { return program.data(); }

  void plan_for(std::span<const Tensor* const> inputs) {
    if (planned && plan.holds_for(inputs)) return;
    planned = false;
    made = Made::nothing;
    plan.make(inputs);
    executor->resize(plan);
    planned = true;
  }

  // The session's own outputs; not needed by those who only run_into theirs. in_place: but those
  // that update an input.
  enum class Made { nothing, all, but_updates };
  static Made made_for(bool in_place) { return in_place ? Made::but_updates : Made::all; }
  void make_outputs(bool in_place) {
    const Made wanted = made_for(in_place);
    if (made == wanted) return;
    outputs.clear();
    own_outputs.clear();
    for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
      const bool updates = std::ranges::any_of(
          data().updates, [&](const abi::Update& u) { return std::size_t(u.output) == i; });
      if (in_place && updates) outputs.emplace_back();
      else outputs.emplace_back(data().outputs[i].type.dtype, plan.outputs[i]);
    }
    for (Tensor& output : outputs) own_outputs.push_back(&output);
    made = wanted;
    updates_lent = in_place;
  }

  // Throws Error where an input lies in a result of the run before, which this one writes over or
  // frees. What updates an input may lie where the input does, while it stays.
  void check_apart(std::span<const Tensor* const> inputs, bool in_place) const {
    const bool stay = planned && made == made_for(in_place) && plan.holds_for(inputs);
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      const auto update = std::ranges::find(data().updates, std::int32_t(o), &abi::Update::output);
      const bool updates = update != data().updates.end();
      if (updates && updates_lent) continue;
      for (std::size_t i = 0; i < std::min(inputs.size(), data().inputs.size()); ++i) {
        if (!overlap(outputs[o], *inputs[i])) continue;
        const bool same = outputs[o].data() == inputs[i]->data();
        if (updates && std::size_t(update->input) == i && same && stay) continue;
        throw Error("run: input '", data().inputs[i].name, "' lies in the result '",
                    data().outputs[o].name, "' of the session's last run, which this run writes ",
                    "over; give it a copy(), or run_into tensors of your own");
      }
    }
  }

  void execute(std::span<const Tensor* const> inputs, std::span<Tensor* const> into) {
    if (profile) profile->add_run();
    try {
      executor->run(inputs, into, profile, track);
    } catch (...) {
      planned = false;
      throw;
    }
  }

  Program program;
  std::unique_ptr<Executor> executor;
  ShapePlan plan;
  std::vector<Tensor> outputs;
  std::vector<Tensor*> own_outputs;
  bool planned = false;
  bool updates_lent = false;  // outputs that update an input are views of the caller's
  Made made = Made::nothing;
  std::atomic<bool> running{false};
  Profile* profile = nullptr;
  int track = 0;
};

namespace {

template <class State>
State& held(const std::unique_ptr<State>& state) {
  if (!state) throw Error("session: it was moved from; use the session that it went to");
  return *state;
}

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

}  // namespace

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Session::Session(const Program& program, const Checkpoint& checkpoint, int threads) {
  state_ = std::make_unique<State>(program, make_executor(program, checkpoint, threads));
}

Session Session::sibling(int threads) const {
  return Session(
      std::make_unique<State>(held(state_).program, held(state_).executor->sibling(threads)));
}

Results Session::run(std::span<const Tensor* const> inputs) {
  State& s = held(state_);
  const Turn turn(s.running);
  s.check_apart(inputs, false);
  s.plan_for(inputs);
  s.make_outputs(false);
  s.execute(inputs, s.own_outputs);
  return Results(s.outputs, s.program);
}

Results Session::run_in_place(std::span<Tensor* const> inputs) {
  State& s = held(state_);
  const Turn turn(s.running);
  const std::span<const Tensor* const> read(inputs);
  s.check_apart(read, true);
  s.plan_for(read);
  s.make_outputs(true);
  for (const abi::Update& u : s.data().updates) {
    Tensor& updated = *inputs[std::size_t(u.input)];
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (i != std::size_t(u.input) && overlap(updated, *inputs[i]))
        throw Error("run_in_place: input '", s.data().inputs[std::size_t(u.input)].name,
                    "' is updated and overlaps input '", s.data().inputs[i].name,
                    "'; give each memory of its own");
    s.outputs[std::size_t(u.output)] =
        Tensor::view(updated.dtype(), updated.sizes(), updated.data());
  }
  s.execute(read, s.own_outputs);
  return Results(s.outputs, s.program);
}

void Session::run_into(std::span<const Tensor* const> inputs, std::span<Tensor* const> outputs) {
  State& s = held(state_);
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
  s.execute(inputs, outputs);
}

void Session::set_profile(Profile* profile) {
  State& s = held(state_);
  s.profile = profile;
  s.track = profile ? profile->new_track() : 0;
}

const Program& Session::program() const { return held(state_).program; }
int Session::threads() const { return held(state_).executor->threads(); }
std::size_t Session::weight_bytes() const { return held(state_).executor->weight_bytes(); }
std::size_t Session::arena_bytes() const { return held(state_).plan.arena_bytes; }

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
