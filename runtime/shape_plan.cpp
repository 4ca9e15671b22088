#include "heed/runtime/shape_plan.h"

#include <algorithm>

#include "heed/runtime/error.h"

namespace heed {
namespace {

constexpr std::int64_t most_arena_bytes = std::int64_t(1) << 46;

std::string described(const abi::TensorSpec& spec) {
  return "'" + spec.name + "' " + std::string(name_of(spec.type.dtype)) + " " +
         text_of(spec.type.shape);
}

std::size_t bytes_of(const Dim& d, const Symbols& symbols, const char* what) {
  const std::int64_t bytes = value_of(d, symbols, what);
  if (bytes < 0 || bytes > most_arena_bytes)
    throw Error("run: ", what, " would need ", bytes, " bytes");
  return static_cast<std::size_t>(bytes);
}

}  // namespace

std::optional<std::int64_t> Symbols::find(std::uint64_t symbol) const {
  for (const auto& [key, value] : values_)
    if (key == symbol) return value;
  return {};
}

std::string Symbols::text_for(const Dim& d) const {
  std::string text;
  for (const auto& [key, value] : values_) {
    bool occurs = false;
    for (const Term& term : d.terms)
      for (const Atom& factor : term.factors) occurs |= factor.symbol == key;
    if (occurs)
      text +=
          (text.empty() ? "" : ", ") + text_of(Dim::symbol(key)) + " = " + std::to_string(value);
  }
  return text;
}

double Symbols::amount(const Dim& d) const {
  return static_cast<double>(
      evaluate(d, [&](std::uint64_t symbol) { return find(symbol); }).value_or(0));
}

std::int64_t value_of(const Dim& d, const Symbols& symbols, const char* what) {
  const auto value = evaluate(d, [&](std::uint64_t symbol) { return symbols.find(symbol); });
  if (!value)
    throw Error("run: ", what, " has the size ", text_of(d), ", which is no whole number for ",
                symbols.text_for(d));
  return *value;
}

bool ShapePlan::holds_for(std::span<const Tensor* const> inputs) const {
  if (!made_ || inputs.size() != inputs_.size()) return false;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i]->dtype() != program_.inputs[i].type.dtype || !(inputs[i]->sizes() == inputs_[i]))
      return false;
  return true;
}

void ShapePlan::make(std::span<const Tensor* const> inputs) {
  made_ = false;
  if (inputs.size() != program_.inputs.size())
    throw Error("run: ", inputs.size(), " inputs were given, '", program_.name, "' takes ",
                program_.inputs.size());
  define_symbols(inputs);
  check_inputs(inputs);
  check_guards();

  outputs.clear();
  for (const abi::TensorSpec& output : program_.outputs) {
    std::vector<std::int64_t> extents;
    for (int axis = 0; axis < output.type.shape.rank; ++axis)
      extents.push_back(value_of(output.type.shape[axis], symbols, "a result"));
    outputs.emplace_back(extents);
  }
  arena_sizes.clear();
  arena_offsets.clear();
  arena_bytes = scratch_bytes = 0;
  for (const abi::Slot& slot : program_.arena) {
    std::size_t largest = 0;
    for (const Dim& bytes : slot.bytes)
      largest = std::max(largest, bytes_of(bytes, symbols, "an intermediate"));
    arena_sizes.push_back(largest);
    arena_offsets.push_back(arena_bytes);
    arena_bytes += aligned_size(largest);
  }
  for (const abi::Loop& loop : program_.loops)
    if (!symbols.find(loop.symbol)) symbols.define(loop.symbol, 0);
  steps.clear();
  dims.clear();
  for (const abi::Step& step : program_.steps) {
    steps.push_back({value_of(step.work, symbols, "a step"), dims.size()});
    for (const Dim& d : step.dims) dims.push_back(value_of(d, symbols, "a step"));
    scratch_bytes = std::max(scratch_bytes,
                             aligned_size(bytes_of(step.scratch_bytes, symbols, "scratch memory")));
  }
  make_loops();
  inputs_.clear();
  for (const Tensor* input : inputs) inputs_.push_back(input->sizes());
  made_ = true;
}

void ShapePlan::make_loops() {
  carried.clear();
  for (const abi::Carried& value : program_.carried)
    carried.push_back(bytes_of(value.bytes, symbols, "a state"));
  loops.clear();
  for (const abi::Loop& loop : program_.loops) {
    LoopSizes& sizes = loops.emplace_back();
    sizes.count = value_of(loop.count, symbols, "a loop");
    sizes.going = value_of(loop.going_count, symbols, "a loop");
    if (sizes.count < 1)
      throw Error("run: a loop would have ", sizes.count, " turns, it needs 1 or more");
    Symbols second;
    second.define(loop.symbol, 1);  // found before the value that follows
    second.append(symbols);
    for (std::int32_t s = loop.first; s < loop.end; ++s) {
      const abi::Step& step = program_.steps[std::size_t(s)];
      for (std::size_t d = 0; d < step.dims.size(); ++d) {
        const std::size_t at = steps[std::size_t(s)].first_dim + d;
        const std::int64_t slope = value_of(step.dims[d], second, "a step") - dims[at];
        if (slope) sizes.dims.push_back({at, slope});
      }
    }
  }
}

void ShapePlan::define_symbols(std::span<const Tensor* const> inputs) {
  symbols.clear();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const abi::TensorSpec& spec = program_.inputs[i];
    const Tensor& given = *inputs[i];
    if (given.dtype() != spec.type.dtype || given.rank() != spec.type.shape.rank)
      throw Error("run: input ", described(spec), " was given as ", name_of(given.dtype()), ' ',
                  text_of(given.sizes()));
    for (int axis = 0; axis < given.rank(); ++axis) {
      if (given.sizes()[axis] < 1)
        throw Error("run: input ", described(spec), " was given as ", text_of(given.sizes()),
                    ", axis ", axis, " is empty");
      const SymbolOfAxis said = symbol_of_axis(spec.type.shape[axis]);
      if (!said.symbol || symbols.find(said.symbol)) continue;
      if (given.sizes()[axis] % said.times != 0)
        throw Error("run: input ", described(spec), " was given as ", text_of(given.sizes()),
                    ", axis ", axis, " should be a multiple of ", said.times);
      symbols.define(said.symbol, given.sizes()[axis] / said.times);
    }
  }
}

void ShapePlan::check_inputs(std::span<const Tensor* const> inputs) const {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const abi::TensorSpec& spec = program_.inputs[i];
    for (int axis = 0; axis < spec.type.shape.rank; ++axis) {
      const Dim& d = spec.type.shape[axis];
      const std::int64_t expected = value_of(d, symbols, "an input"),
                         found = inputs[i]->sizes()[axis];
      if (expected == found) continue;
      const std::string where = symbols.text_for(d);
      throw Error("run: input ", described(spec), " was given as ", text_of(inputs[i]->sizes()),
                  ", axis ", axis, " should be ", expected, where.empty() ? "" : " as " + where);
    }
  }
}

void ShapePlan::check_guards() const {
  for (const abi::Guard& guard : program_.guards) {
    const auto value =
        evaluate(guard.value, [&](std::uint64_t symbol) { return symbols.find(symbol); });
    if (value && *value >= guard.least) continue;
    const std::string found = value ? "is " + std::to_string(*value) + ", at least " +
                                          std::to_string(guard.least) + " is needed"
                                    : "is no whole number";
    throw Error("run: ", guard.sentence, " (", text_of(guard.value), ' ', found, " for ",
                symbols.text_for(guard.value), ')');
  }
}

}  // namespace heed
