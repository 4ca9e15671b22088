// What is known of a value before anything runs: bounds of its elements, and how far two correct
// implementations may differ on them. Random graphs consist of nodes for which that stays small.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "heed/dsl/graph/graph.h"

namespace heed::test {

struct Facts {
  double low = 0, high = 0;
  double error = 0;   // absolute, worst case
  bool exact = true;  // the same bits everywhere, so that a comparison cannot fall on either side
  double size() const { return low < -high ? -low : high; }
};

// The sizes that a graph is run with.
struct Binding {
  std::int64_t batch = 1, length = 1;  // symbols B and T
};
using Bindings = std::array<Binding, 2>;

// nullopt where an exact division fails.
std::optional<std::int64_t> value_of(const Dim& dim, const Binding& binding);
// Over the bindings; dimensions are computable for all of them.
std::int64_t largest(const Dim& dim, const Bindings& bindings);
std::int64_t smallest(const Dim& dim, const Bindings& bindings);

// Facts of a node's result; nullopt where it would be NaN, infinite, ill conditioned or a matter of
// chance. Leaves and calls are the generator's own business.
std::optional<Facts> facts_of(const graph::OwnedNode& node, std::span<const TensorType> types,
                              std::span<const Facts> operands, const Bindings& bindings);

}  // namespace heed::test
