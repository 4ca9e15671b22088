// Contract 1 as bytes: little endian, lengths first, no padding. A function's tables go through a
// Module, so that hand-built and flattened graphs share one encoding. Equal modules give equal
// bytes: they are a cache key.
//
//   file      "HEEDGRPH", u32 version, u32 functions, function..., u32 inputs, string...
//   function  string name, u32 n, type..., u32 n, node..., u32 n, value...
//   node      u16 op, string name, u32 n, value..., u32 n, type..., i32 callee, i64 times,
//             u32 n, i64..., u32 n, dim..., u32 n, f64..., u64 n, byte...
//   type      u8 dtype, u8 rank, dim...            value  i32 node, i32 result
//   dim       i64 constant, u8 terms,
//             {i64 num, i64 den, u8 factors, {u64 symbol, i32 scale, offset, divisor}...}...
//   string    u32 n, byte...
#pragma once
#include <bit>
#include <map>
#include <span>
#include <string_view>
#include <utility>

#include "heed/dsl/graph/graph.h"

namespace heed::graph {

inline constexpr std::string_view format_magic = "HEEDGRPH";

class Writer {
 public:
  std::vector<std::byte> bytes;

  void number(std::uint64_t v, int width) {
    for (int i = 0; i < width; ++i) bytes.push_back(std::byte(v >> (8 * i)));
  }
  void count(std::size_t n) { number(n, 4); }
  void text(std::string_view s) {
    count(s.size());
    for (char c : s) bytes.push_back(std::byte(c));
  }
  void dim(const Dim& d) {
    number(std::uint64_t(d.constant), 8);
    number(std::uint64_t(d.term_count()), 1);
    for (int i = 0; i < d.term_count(); ++i) term(d.terms[i]);
  }
  void type(const TensorType& t) {
    number(std::uint64_t(t.dtype), 1);
    number(std::uint64_t(t.shape.rank), 1);
    for (int i = 0; i < t.shape.rank; ++i) dim(t.shape.dims[i]);
  }
  void value(const Value& v) {
    number(std::uint32_t(v.node), 4);
    number(std::uint32_t(v.result), 4);
  }
  void node(const OwnedNode& n) {
    number(std::uint64_t(n.op), 2);
    text(n.name);
    list(n.inputs, &Writer::value);
    list(n.results, &Writer::type);
    number(std::uint32_t(n.callee), 4);
    number(std::uint64_t(n.times), 8);
    count(n.ints.size());
    for (std::int64_t v : n.ints) number(std::uint64_t(v), 8);
    list(n.dims, &Writer::dim);
    count(n.reals.size());
    for (double v : n.reals) number(std::bit_cast<std::uint64_t>(v), 8);
    number(n.data.size(), 8);
    bytes.insert(bytes.end(), n.data.begin(), n.data.end());
  }
  void function(const OwnedFunction& f) {
    text(f.name);
    list(f.arguments, &Writer::type);
    list(f.nodes, &Writer::node);
    list(f.results, &Writer::value);
  }

 private:
  template <class T>
  void list(const std::vector<T>& items, void (Writer::*write)(const T&)) {
    count(items.size());
    for (const T& item : items) (this->*write)(item);
  }
  void term(const Term& t) {
    int n = 0;
    while (n < max_factors && t.factors[n].symbol) ++n;
    number(std::uint64_t(t.num), 8);
    number(std::uint64_t(t.den), 8);
    number(std::uint64_t(n), 1);
    for (int i = 0; i < n; ++i) {
      number(t.factors[i].symbol, 8);
      number(std::uint32_t(t.factors[i].scale), 4);
      number(std::uint32_t(t.factors[i].offset), 4);
      number(std::uint32_t(t.factors[i].divisor), 4);
    }
  }
};

inline std::vector<std::byte> encode(const Module& module) {
  Writer out;
  for (char c : format_magic) out.bytes.push_back(std::byte(c));
  out.number(format_version, 4);
  out.count(module.functions.size());
  for (const OwnedFunction& f : module.functions) out.function(f);
  out.count(module.input_names.size());
  for (const std::string& name : module.input_names) out.text(name);
  return std::move(out.bytes);
}

// ---- from the DSL's constant tables -------------------------------------------------------------

namespace detail {
// Elements of a buffer, as its filler computes them.
inline std::vector<std::byte> filled(const Node& node) {
  const TensorType& type = node.results[0];
  std::int64_t count = element_count(type.shape).constant;
  std::vector<std::byte> data(std::size_t(count) * size_of(type.dtype));
  node.fill(data.data(), count);
  return data;
}
inline OwnedNode owned(const Node& n, std::int32_t callee) {
  OwnedNode r{n.op, n.name, {n.inputs, n.inputs + n.input_count},
              {n.results, n.results + n.result_count}, callee, n.times,
              {n.ints, n.ints + n.int_count}, {n.dims, n.dims + n.dim_count},
              {n.reals, n.reals + n.real_count}, {}};
  if (n.fill) r.data = filled(n);
  return r;
}
// Appends f after its callees, each function once.
inline std::int32_t collect(const Function& f, Module& module,
                            std::map<const Function*, std::int32_t>& known) {
  if (auto it = known.find(&f); it != known.end()) return it->second;
  OwnedFunction r{f.name, {f.arguments, f.arguments + f.argument_count}, {},
                  {f.results, f.results + f.result_count}};
  for (int i = 0; i < f.node_count; ++i) {
    const Node& node = f.nodes[i];
    r.nodes.push_back(owned(node, node.callee ? collect(*node.callee, module, known) : -1));
  }
  module.functions.push_back(std::move(r));
  return known[&f] = std::int32_t(module.functions.size() - 1);
}
}  // namespace detail

// The tables as a module. input_names names the network's arguments; "x0", "x1"... where it is
// empty.
inline Module module_of(const Function& root, std::vector<std::string> input_names = {}) {
  Module module;
  std::map<const Function*, std::int32_t> known;
  detail::collect(root, module, known);
  for (int i = int(input_names.size()); i < root.argument_count; ++i)
    input_names.push_back("x" + std::to_string(i));
  module.input_names = std::move(input_names);
  return module;
}

inline std::vector<std::byte> encode(const Function& root,
                                     std::vector<std::string> input_names = {}) {
  return encode(module_of(root, std::move(input_names)));
}

}  // namespace heed::graph
