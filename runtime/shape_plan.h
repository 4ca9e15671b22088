// All that depends on the inputs' sizes, as numbers: evaluated once for each new set of sizes.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "heed/runtime/abi/program.h"
#include "heed/runtime/tensor.h"

namespace heed {

// Values of the symbolic dims.
class Symbols {
 public:
  std::optional<std::int64_t> find(std::uint64_t symbol) const;
  void define(std::uint64_t symbol, std::int64_t value) { values_.emplace_back(symbol, value); }
  void append(const Symbols& more) {
    values_.insert(values_.end(), more.values_.begin(), more.values_.end());
  }
  void clear() { values_.clear(); }
  // "B = 2, T = 7": those that occur in d.
  std::string text_for(const Dim& d) const;
  // The value for a profile; 0 where it cannot be computed.
  double amount(const Dim& d) const;

 private:
  std::vector<std::pair<std::uint64_t, std::int64_t>> values_;
};

// Throws Error naming `what` when an exact division does not come out or the value is out of range.
std::int64_t value_of(const Dim& d, const Symbols& symbols, const char* what);

struct StepSizes {
  std::int64_t work = 0;
  std::size_t first_dim = 0;  // index of the step's dims in ShapePlan::dims
};

// A dim that grows by `slope` from turn to turn of a loop; in ShapePlan::dims stands its value at
// turn 0.
struct TurnDim {
  std::size_t dim = 0;
  std::int64_t slope = 0;
};
struct LoopSizes {
  std::int64_t count = 0, going = 0;
  std::vector<TurnDim> dims;
};

class ShapePlan {
 public:
  explicit ShapePlan(const abi::Program& program) : program_(program) {}

  // Whether the plan is made for inputs of these sizes and types.
  bool holds_for(std::span<const Tensor* const> inputs) const;
  // Makes it for them. Throws Error where they do not fit the program; the plan then holds for
  // nothing.
  void make(std::span<const Tensor* const> inputs);

  std::span<const Sizes> inputs() const { return inputs_; }

  std::vector<StepSizes> steps;
  std::vector<std::int64_t> dims;
  std::vector<LoopSizes> loops;
  std::vector<std::size_t> carried;  // bytes of each carried value
  std::vector<std::size_t> arena_sizes, arena_offsets;  // of the slots, in bytes
  std::size_t arena_bytes = 0, scratch_bytes = 0;  // scratch: one thread's, for every step
  std::vector<Sizes> outputs;
  Symbols symbols;

 private:
  void define_symbols(std::span<const Tensor* const> inputs);
  void check_inputs(std::span<const Tensor* const> inputs) const;
  void check_guards() const;
  void make_loops();

  const abi::Program& program_;
  std::vector<Sizes> inputs_;
  bool made_ = false;
};

}  // namespace heed
