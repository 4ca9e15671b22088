// Running a program on its weights.
#pragma once
#include <concepts>
#include <memory>
#include <span>
#include <string_view>

#include "heed/runtime/checkpoint.h"
#include "heed/runtime/program.h"
#include "heed/runtime/tensor.h"

namespace heed {

class Profile;

// What a run gives: views of the session's memory, valid until its next run. A network with one
// result converts to it: Tensor logits = session.run(pixels);
class Results {
 public:
  Results(std::span<const Tensor> outputs, const Program& program)
      : outputs_(outputs), program_(&program) {}

  std::size_t size() const;                           // results, probes not counted
  const Tensor& operator[](std::size_t index) const;  // throws Error when there are fewer
  const Tensor& probe(std::string_view name) const;   // a probe asked for in Options::probes
  operator Tensor() const;  // a view of the only result; throws Error when there are more

 private:
  std::span<const Tensor> outputs_;
  const Program* program_;
};

// For one thread at a time, which `run` checks; sessions on the same weights (`sibling`) run at the
// same time. Moves: one that was moved from throws Error. Keeps its program and the weights alive.
class Session {
 public:
  Session(const Program& program, const Checkpoint& checkpoint, int threads);
  // Another session on the same packed weights with threads of its own; 0: one a core.
  Session sibling(int threads = 0) const;
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // Throws Error when the inputs do not fit program().inputs(), have an axis of no elements or lie
  // in a result of the run before, or a kernel reports one. Allocates only when sizes are not those
  // of the run before. Where the type's elements may lie, inputs may: no other alignment is needed.
  Results run(std::span<const Tensor* const> inputs);
  template <std::same_as<Tensor>... Inputs>
  Results run(const Inputs&... inputs) {
    const Tensor* const list[sizeof...(Inputs) + 1] = {&inputs..., nullptr};
    return run(std::span<const Tensor* const>(list, sizeof...(Inputs)));
  }
  // The same, but results that update an input (program().data().updates: what `append` made of it)
  // are written over the input, of which they are views. Nothing is copied. What was an input
  // before a run that throws is lost.
  Results run_in_place(std::span<Tensor* const> inputs);
  template <std::same_as<Tensor>... Inputs>
  Results run_in_place(Inputs&... inputs) {
    Tensor* const list[sizeof...(Inputs) + 1] = {&inputs..., nullptr};
    return run_in_place(std::span<Tensor* const>(list, sizeof...(Inputs)));
  }
  // As `run` into the caller's tensors, one for each of program().outputs(), of exactly their sizes
  // and apart from the inputs.
  void run_into(std::span<const Tensor* const> inputs, std::span<Tensor* const> outputs);

  // Times every step of the runs to come; nullptr (the default) costs nothing. The profile must
  // outlive them. Sessions may share one.
  void set_profile(Profile* profile);

  const Program& program() const;
  int threads() const;
  std::size_t weight_bytes() const;  // shared with siblings
  std::size_t arena_bytes() const;   // intermediates, for the sizes of the last run

 private:
  struct State;
  explicit Session(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace heed
