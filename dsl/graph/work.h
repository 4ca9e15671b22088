// How much a network computes: 2 × multiply–accumulates of its matrix products and convolutions by
// the direct algorithm. What depends on parameters alone is not counted, it is computed once;
// neither are pairs of queries and keys that a mask of positions hides. One common measure for
// every network, whatever the compiler makes of it.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "heed/dsl/graph/graph.h"

namespace heed::graph {

namespace detail {

class WorkCounter {
 public:
  using Lookup = std::function<std::optional<std::int64_t>(std::uint64_t symbol)>;
  explicit WorkCounter(Lookup lookup) : lookup_(std::move(lookup)) {}

  // varies: which arguments are not made of parameters alone.
  double flops(const Function& f, const std::vector<bool>& varies) const {
    std::vector<bool> depends(std::size_t(f.node_count));
    const std::vector<double> seen = seen_shares(f);
    double sum = 0;
    for (int n = 0; n < f.node_count; ++n) {
      const Node& node = f.nodes[n];
      std::vector<bool> operands;
      for (int i = 0; i < node.input_count; ++i)
        operands.push_back(depends[std::size_t(node.inputs[i].node)]);
      const bool any = std::ranges::find(operands, true) != operands.end();
      depends[std::size_t(n)] =
          node.op == OpCode::input ? bool(varies[std::size_t(node.ints[0])]) : any;
      if (!any) continue;
      if (node.op == OpCode::matmul) {
        const double inner = value(type(f, node.inputs[0]).shape[-1]);
        sum += 2 * count(node.results[0].shape) * inner * seen[std::size_t(n)];
      } else if (node.op == OpCode::conv2d || node.op == OpCode::conv3d) {
        const Shape& kernels = type(f, node.inputs[1]).shape;
        sum += 2 * count(node.results[0].shape) * count(kernels) / value(kernels[0]);
      } else if (node.callee) {
        const double times = node.op == OpCode::scan || node.op == OpCode::loop
                                 ? value(node.dims[0])
                             : node.op == OpCode::repeat ? double(node.times)
                                                         : 1;
        sum += times * flops(*node.callee, operands);
      }
    }
    return sum;
  }

 private:
  using Index = std::array<std::int64_t, max_rank>;

  static const TensorType& type(const Function& f, const Value& v) {
    return f.nodes[v.node].results[v.result];
  }
  double value(const Dim& d) const { return double(evaluate(d, lookup_).value_or(0)); }
  double count(const Shape& s) const {
    double n = 1;
    for (int i = 0; i < s.rank; ++i) n *= value(s[i]);
    return n;
  }

  // Of each product's elements the share that is computed: of scores those that the masks before
  // softmax leave, and of products with what softmax gives as many terms. Of several masks the one
  // that hides most counts.
  std::vector<double> seen_shares(const Function& f) const {
    std::vector<double> seen(std::size_t(f.node_count), 1.0);
    for (int n = 0; n < f.node_count; ++n) {
      const Node& node = f.nodes[n];
      if (node.op == OpCode::softmax) {
        double share = 1;
        int at = node.inputs[0].node;
        for (int before = at; before >= 0; before = source(f, at)) {
          at = before;
          if (hides(f, at)) share = std::min(share, true_share(f, f.nodes[at].inputs[0]));
        }
        seen[std::size_t(at)] = seen[std::size_t(n)] = share;
      } else if (node.op == OpCode::matmul) {
        int at = node.inputs[0].node;
        for (int before = at; before >= 0 && f.nodes[at].op != OpCode::softmax;
             before = source(f, at))
          at = before;
        if (f.nodes[at].op == OpCode::softmax) seen[std::size_t(n)] *= seen[std::size_t(at)];
      }
    }
    return seen;
  }
  // Whether a node is where(condition, x, -∞).
  static bool hides(const Function& f, int n) {
    const Node& node = f.nodes[n];
    if (node.op != OpCode::where) return false;
    const Node& other = f.nodes[node.inputs[2].node];
    return other.op == OpCode::constant && std::isinf(other.reals[0]) && other.reals[0] < 0;
  }
  // The node whose elements this one changes one by one or puts in another order; -1 where there is
  // none.
  int source(const Function& f, int n) const {
    const Node& node = f.nodes[n];
    if (node.op == OpCode::where) return hides(f, n) ? node.inputs[1].node : -1;
    if (info_of(node.op)->kind != OpClass::scalar && node.op != OpCode::reshape &&
        node.op != OpCode::permute && node.op != OpCode::probe)
      return -1;
    for (int i = 0; i < node.input_count; ++i)
      if (count(type(f, node.inputs[i]).shape) == count(node.results[0].shape))
        return node.inputs[i].node;
    return -1;
  }

  // The share of a condition's elements that are true; 1 where that depends on data.
  double true_share(const Function& f, const Value& condition) const {
    const Shape& shape = type(f, condition).shape;
    std::array<std::int64_t, max_rank> sizes{};
    for (int axis = 0; axis < shape.rank; ++axis)
      sizes[std::size_t(axis)] = std::int64_t(value(shape[axis]));
    Index index{};
    double all = 0, yes = 0;
    for (;;) {
      const std::optional<double> element = at(f, condition, index, shape.rank);
      if (!element) return 1;
      ++all;
      yes += *element != 0;
      int axis = shape.rank - 1;
      while (axis >= 0 && ++index[std::size_t(axis)] == sizes[std::size_t(axis)])
        index[std::size_t(axis--)] = 0;
      if (axis < 0) return yes / all;
    }
  }
  // An element of what is computed from positions and numbers alone, by numpy's broadcasting.
  std::optional<double> at(const Function& f, const Value& v, const Index& index, int rank) const {
    const Node& node = f.nodes[v.node];
    const int own = node.results[0].shape.rank;
    if (node.op == OpCode::constant) return node.reals[0];
    if (node.op == OpCode::extent) return value(node.dims[0]);
    if (node.op == OpCode::position) return double(index[std::size_t(node.ints[0] + rank - own)]);
    if (node.op != OpCode::broadcast && info_of(node.op)->kind != OpClass::scalar) return {};
    std::array<double, 3> x{};
    for (int i = 0; i < node.input_count; ++i) {
      const std::optional<double> operand = at(f, node.inputs[i], index, rank);
      if (!operand) return {};
      x[std::size_t(i)] = *operand;
    }
    switch (node.op) {
      case OpCode::broadcast: case OpCode::cast: return x[0];
      case OpCode::add: return x[0] + x[1];
      case OpCode::sub: return x[0] - x[1];
      case OpCode::mul: return x[0] * x[1];
      case OpCode::div:
        if (is_float(node.results[0].dtype)) return x[0] / x[1];
        return x[1] == 0 ? 0 : std::floor(x[0] / x[1]);
      case OpCode::maximum: return std::max(x[0], x[1]);
      case OpCode::minimum: return std::min(x[0], x[1]);
      case OpCode::neg: return -x[0];
      case OpCode::abs: return std::abs(x[0]);
      case OpCode::eq: return x[0] == x[1];
      case OpCode::ne: return x[0] != x[1];
      case OpCode::lt: return x[0] < x[1];
      case OpCode::le: return x[0] <= x[1];
      case OpCode::gt: return x[0] > x[1];
      case OpCode::ge: return x[0] >= x[1];
      case OpCode::logical_and: return x[0] != 0 && x[1] != 0;
      case OpCode::logical_or: return x[0] != 0 || x[1] != 0;
      case OpCode::logical_not: return x[0] == 0;
      case OpCode::where: return x[0] != 0 ? x[1] : x[2];
      default: return {};
    }
  }

  Lookup lookup_;
};

}  // namespace detail

// Of a network whose inputs have these sizes. A product whose size cannot be computed counts
// nothing.
inline double flops(const Function& network,
                    const std::vector<std::vector<std::int64_t>>& input_sizes) {
  std::map<std::uint64_t, std::int64_t> symbols;
  for (std::size_t i = 0; i < input_sizes.size(); ++i)
    for (std::size_t axis = 0; axis < input_sizes[i].size(); ++axis)
      if (const SymbolOfAxis said = symbol_of_axis(network.arguments[i].shape[int(axis)]);
          said.symbol)
        symbols[said.symbol] = input_sizes[i][axis] / said.times;
  const detail::WorkCounter counter([&](std::uint64_t symbol) -> std::optional<std::int64_t> {
    const auto found = symbols.find(symbol);
    if (found == symbols.end()) return {};
    return found->second;
  });
  return counter.flops(network, std::vector<bool>(std::size_t(network.argument_count), true));
}

}  // namespace heed::graph
