// A module as text, the form of `--print-after graph`, and the list of its parameters.
#pragma once
#include <cmath>
#include <cstdio>
#include <set>

#include "heed/dsl/graph/graph.h"

namespace heed::graph {

// A parameter by its full name ("blocks.0.attn.qkv.weight"), as a checkpoint has it.
struct Parameter {
  std::string name;
  TensorType type;
  bool operator==(const Parameter&) const = default;
};

// "blocks" and 3 before "norm.weight" give "blocks.3.norm.weight"; an empty name adds nothing.
inline std::string prefix_of(const std::string& outer, const OwnedNode& node, std::int64_t turn) {
  std::string s = outer + node.name;
  if (!node.name.empty()) s += '.';
  if (node.op == OpCode::repeat) s += std::to_string(turn) + '.';
  return s;
}

namespace detail {
struct Use {
  std::string name;
  const TensorType* type;
};
inline void add_uses(const Module& module, const OwnedFunction& f, const std::string& prefix,
                     std::vector<Use>& out) {
  for (const OwnedNode& node : f.nodes) {
    if (node.op == OpCode::parameter) out.push_back({prefix + node.name, &node.results[0]});
    if (node.callee < 0) continue;
    std::int64_t turns = node.op == OpCode::repeat ? node.times : 1;
    for (std::int64_t i = 0; i < turns; ++i)
      add_uses(module, module.functions[std::size_t(node.callee)], prefix_of(prefix, node, i), out);
  }
}
// Every use of a parameter, with calls and repeats followed.
inline std::vector<Use> parameter_uses(const Module& module) {
  std::vector<Use> out;
  if (!module.functions.empty()) add_uses(module, module.functions.back(), "", out);
  return out;
}
}  // namespace detail

// Parameters in order of first use. Equal names are one parameter (tied weights).
inline std::vector<Parameter> manifest(const Module& module) {
  std::vector<Parameter> out;
  std::set<std::string> seen;
  for (detail::Use& use : detail::parameter_uses(module))
    if (seen.insert(use.name).second) out.push_back({std::move(use.name), *use.type});
  return out;
}

// "f32[B, 197, 768]"
inline std::string text_of(const TensorType& type) {
  return std::string(name_of(type.dtype)) + text_of(type.shape);
}

namespace detail {
// Shortest of a few forms that reads back as the same number.
inline std::string text_of_real(double v) {
  char text[40];
  for (int digits : {6, 12, 17}) {
    std::snprintf(text, sizeof text, "%.*g", digits, v);
    double back = 0;
    if (!std::isfinite(v) || (std::sscanf(text, "%lf", &back) == 1 && back == v)) break;
  }
  return text;
}
template <class List, class Text>
std::string joined(const List& items, Text&& text) {
  std::string s;
  for (const auto& item : items) s += (s.empty() ? "" : ", ") + text(item);
  return s;
}
inline std::string text_of_value(const OwnedFunction& f, const Value& v) {
  std::string s = "%" + std::to_string(v.node);
  bool several = f.nodes[std::size_t(v.node)].results.size() > 1;
  return several ? s + "#" + std::to_string(v.result) : s;
}
// "%4 = softmax %3 {2} : f32[B, 12, 197, 197]"
inline std::string text_of_node(const OwnedFunction& f, std::size_t at) {
  const OwnedNode& n = f.nodes[at];
  const OpInfo* info = info_of(n.op);
  std::string s = "  %" + std::to_string(at) + " = " + std::string(info ? info->name : "?");
  if (n.callee >= 0) s += " @" + std::to_string(n.callee);
  if (n.op == OpCode::repeat) s += " x" + std::to_string(n.times);
  if (!n.name.empty()) s += " \"" + n.name + "\"";
  if (!n.inputs.empty())
    s += " " + joined(n.inputs, [&](const Value& v) { return text_of_value(f, v); });
  std::string with = joined(n.ints, [](std::int64_t v) { return std::to_string(v); });
  for (const Dim& d : n.dims) with += (with.empty() ? "" : ", ") + text_of(d);
  for (double v : n.reals) with += (with.empty() ? "" : ", ") + text_of_real(v);
  if (!with.empty()) s += " {" + with + "}";
  if (!n.data.empty()) s += " (" + std::to_string(n.data.size()) + " bytes)";
  return s + " : " + joined(n.results, [](const TensorType& t) { return text_of(t); }) + "\n";
}
}  // namespace detail

inline std::string text_of(const Module& module) {
  std::string s;
  for (std::size_t i = 0; i < module.functions.size(); ++i) {
    const OwnedFunction& f = module.functions[i];
    bool last = i + 1 == module.functions.size();
    s += "function @" + std::to_string(i) + " " + f.name + "(";
    for (std::size_t k = 0; k < f.arguments.size(); ++k) {
      if (k) s += ", ";
      if (last && k < module.input_names.size()) s += module.input_names[k] + ": ";
      s += text_of(f.arguments[k]);
    }
    s += ") {\n";
    for (std::size_t k = 0; k < f.nodes.size(); ++k) s += detail::text_of_node(f, k);
    s += "  return ";
    s += detail::joined(f.results, [&](const Value& v) { return detail::text_of_value(f, v); });
    s += "\n}\n";
  }
  return s;
}

}  // namespace heed::graph
