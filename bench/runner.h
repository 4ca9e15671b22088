// A case's program, bound to its formula weights.
#pragma once
#include <algorithm>
#include <utility>
#include <vector>

#include "cases.h"
#include "heed/runtime/formula.h"
#include "heed/runtime/session.h"

namespace heed::bench {

// Runs a session on one set of inputs after the other.
class Runner {
 public:
  static constexpr int input_sets = 4;

  Runner(const Case& c, Session session) : session_(std::move(session)) {
    for (int i = 0; i < input_sets; ++i) sets_.push_back(c.inputs(i));
    for (std::vector<Tensor>& set : sets_)
      for (Tensor& input : set) pointers_.push_back(&input);
  }
  // The first result that is no updated input; those are updated.
  const Tensor& run(std::size_t set) {
    const std::size_t size = sets_[0].size();
    const Results results =
        session_.run_in_place(std::span<Tensor* const>(pointers_).subspan(set * size, size));
    const auto& updates = session_.program().data().updates;
    std::size_t first = 0;
    while (std::ranges::any_of(
        updates, [&](const abi::Update& u) { return std::size_t(u.output) == first; }))
      ++first;
    return results[first];
  }
  void run_next() { run(next_++ % input_sets); }
  const std::string& target() const { return session_.program().target(); }
  const std::vector<Tensor>& first_inputs() const { return sets_[0]; }
  Runner sibling(const Case& c, int threads) const { return {c, session_.sibling(threads)}; }

 private:
  Session session_;
  std::vector<std::vector<Tensor>> sets_;
  std::vector<Tensor*> pointers_;
  std::size_t next_ = 0;
};

inline Runner load_runner(const Case& c, const Options& options) {
  const Program program = c.load(options);
  return {c, program.bind(formula_checkpoint(program.parameters()))};
}

}  // namespace heed::bench
