// What a module must satisfy beyond being readable: order, counts, names, and types equal to the
// inferred ones. Answers with the first sentence that is violated; every bound is checked before
// anything of that size is made.
#pragma once
#include <algorithm>
#include <set>

#include "heed/dsl/graph/rules.h"
#include "heed/dsl/graph/text.h"

namespace heed::graph {

namespace limit {
inline constexpr std::size_t functions = 4096, nodes = 65536, values = 64, name = 255,
                             attributes = 16;
inline constexpr std::int64_t times = 4096, depth = 64;
// with calls inlined and repeats unrolled
inline constexpr std::int64_t expanded_nodes = 1 << 18;
inline constexpr std::int64_t parameter_text = 1 << 24;    // all full parameter names together
inline constexpr std::int64_t dimension = std::int64_t(1) << 40;
}  // namespace limit

namespace detail {

// Canonical: rebuilding a dimension by arithmetic gives the same value.
inline bool is_symbol(std::uint64_t key) {
  auto word = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  unsigned char first = key & 255;
  if (!word(first) || (first >= '0' && first <= '9')) return false;
  for (; key; key >>= 8)
    if (!word(key & 255)) return false;
  return true;
}
inline bool is_canonical(const Dim& d) {
  auto small = [](std::int64_t v) { return v >= -limit::dimension && v <= limit::dimension; };
  if (d.invalid || !small(d.constant)) return false;
  Dim sum(d.constant);
  for (const Term& t : d.terms) {
    if (t == Term{}) continue;
    if (!small(t.num) || !small(t.den) || t.den < 1) return false;
    Dim product(t.num);
    for (const Atom& f : t.factors) {
      if (f == Atom{}) continue;
      if (!is_symbol(f.symbol) || f.scale < 1 || f.offset < 0 || f.divisor < 1) return false;
      Dim inner = Dim(f.scale) * Dim::symbol(f.symbol) + Dim(f.offset);
      product = product * floor_div(inner, f.divisor);
    }
    if (product.constant % t.den) return false;
    sum = sum + product / t.den;
  }
  return sum == d;
}

inline bool is_name(const std::string& s) {
  return s.size() <= limit::name && std::all_of(s.begin(), s.end(), [](char c) {
           return c > ' ' && c <= '~' && c != '"' && c != '\\';
         });
}

struct Counts {
  int ints = 0, dims = 0, reals = 0;
};
// Attributes that a node of an op carries; a permutation has one int an axis.
inline Counts attribute_counts(const OwnedNode& n) {
  switch (n.op) {
    case OpCode::input:
    case OpCode::position:
    case OpCode::concat:
    case OpCode::softmax:
    case OpCode::append:
      return {1, 0, 0};
    case OpCode::constant: case OpCode::normalize: return {0, 0, 1};
    case OpCode::extent: return {0, 1, 0};
    case OpCode::permute: return {int(n.ints.size()), 0, 0};
    case OpCode::slice: return {1, 2, 0};
    case OpCode::pad: return {1, 2, 1};
    case OpCode::roll:
    case OpCode::sum:
    case OpCode::mean:
    case OpCode::max:
    case OpCode::min:
      return {2, 0, 0};
    case OpCode::window: return {6, 0, 1};
    case OpCode::conv2d: return {4, 0, 0};
    case OpCode::scan: return {4, 1, 0};
    case OpCode::loop: return {2, 1, 0};
    case OpCode::conv3d: return {10, 0, 0};
    default: return {};
  }
}

class Verifier {
 public:
  explicit Verifier(const Module& module) : module(module) {}

  std::string run() {
    if (module.functions.empty()) return "has no function";
    if (module.functions.size() > limit::functions) return "has too many functions";
    for (const TensorType& type : module.functions.back().arguments) note_symbols(type);
    for (std::size_t i = 0; i < module.functions.size(); ++i)
      if (std::string e = function(i); !e.empty())
        return "function " + std::to_string(i) + " '" + shown(module.functions[i].name) + "': " + e;
    if (std::string e = inputs(); !e.empty()) return e;
    return parameters();
  }

 private:
  // Sizes of a function with its calls inlined: guards against graphs that grow exponentially.
  struct Expanded {
    std::int64_t nodes = 0, parameters = 0, text = 0, depth = 1;
  };
  const Module& module;
  std::vector<Expanded> expanded;
  std::set<std::uint64_t> symbols;

  static std::string shown(const std::string& name) { return is_name(name) ? name : "?"; }

  std::string function(std::size_t index) {
    const OwnedFunction& f = module.functions[index];
    if (!is_name(f.name)) return "bad name";
    if (f.nodes.size() > limit::nodes) return "has too many nodes";
    if (f.arguments.size() > limit::values || f.results.size() > limit::values)
      return "has too many arguments or results";
    if (f.results.empty()) return "has no result";
    for (const TensorType& type : f.arguments)
      if (std::string e = tensor_type(type); !e.empty()) return "argument: " + e;
    Expanded size;
    for (std::size_t i = 0; i < f.nodes.size(); ++i) {
      std::string e = node(index, i);
      if (e.empty()) e = grow(size, f.nodes[i]);
      if (e.empty()) continue;
      const OpInfo* info = info_of(f.nodes[i].op);
      return "node " + std::to_string(i) + " '" + std::string(info ? info->name : "?") + "': " + e;
    }
    expanded.push_back(size);
    for (const Value& v : f.results)
      if (!refers(f, f.nodes.size(), v)) return "a result refers to nothing";
    return {};
  }

  static bool refers(const OwnedFunction& f, std::size_t before, const Value& v) {
    return v.node >= 0 && std::size_t(v.node) < before && v.result >= 0 &&
           std::size_t(v.result) < f.nodes[std::size_t(v.node)].results.size();
  }

  std::string node(std::size_t function, std::size_t at) {
    const OwnedFunction& f = module.functions[function];
    const OwnedNode& n = f.nodes[at];
    const OpInfo* info = info_of(n.op);
    if (!info) return "unknown op";
    int operands = int(std::min(n.inputs.size(), limit::values + 1));
    if (operands < info->least_operands || operands > info->most_operands)
      return "wrong number of operands";
    for (const Value& v : n.inputs)
      if (!refers(f, at, v)) return "an operand does not come before its user";
    if (n.results.empty() || n.results.size() > limit::values) return "wrong number of results";
    for (const TensorType& type : n.results)
      if (std::string e = tensor_type(type); !e.empty()) return e;
    for (const Dim& d : n.dims)
      if (std::string e = dimension(d); !e.empty()) return e;
    if (std::string e = attributes(n); !e.empty()) return e;
    if (n.callee >= std::int64_t(function)) return "a callee does not come before its caller";
    if (n.op == OpCode::scan) return scan(f, n);
    if (n.op == OpCode::loop) return loop(f, n);
    return n.callee >= 0 ? call(f, n) : simple(f, n);
  }

  static std::string attributes(const OwnedNode& n) {
    bool named = n.op == OpCode::parameter || n.op == OpCode::buffer || n.op == OpCode::probe;
    bool calls = n.op == OpCode::call || n.op == OpCode::repeat || n.op == OpCode::scan ||
                 n.op == OpCode::loop;
    if (!is_name(n.name)) return "bad name";
    if (named && n.name.empty()) return "needs a name";
    if (!named && !calls && !n.name.empty()) return "has a name but needs none";
    if (calls != (n.callee >= 0) || n.callee < -1) return "bad callee";
    if (n.op == OpCode::repeat ? n.times < 1 || n.times > limit::times : n.times != 0)
      return "bad number of repeats";
    Counts want = attribute_counts(n);
    if (n.ints.size() > limit::attributes || int(n.ints.size()) != want.ints ||
        n.dims.size() > limit::attributes || int(n.dims.size()) != want.dims ||
        n.reals.size() > limit::attributes || int(n.reals.size()) != want.reals)
      return "wrong number of attributes";
    if (n.op != OpCode::buffer && !n.data.empty()) return "has data but needs none";
    return {};
  }

  std::string simple(const OwnedFunction& f, const OwnedNode& n) {
    if (n.results.size() != 1) return "wrong number of results";
    const TensorType& declared = n.results[0];
    std::vector<const TensorType*> types;
    for (const Value& v : n.inputs)
      types.push_back(&f.nodes[std::size_t(v.node)].results[std::size_t(v.result)]);
    Attributes with{n.ints.data(), int(n.ints.size()), n.dims.data(), int(n.dims.size()),
                    n.reals.data(), int(n.reals.size())};
    Inferred r = infer(n.op, {types.data(), int(types.size())}, with, declared);
    if (r.problem) return text_of(r.problem);
    if (!(r.type == declared)) return "declares " + text_of(declared) + ", is " + text_of(r.type);
    if (n.op == OpCode::input) {
      if (n.ints[0] < 0 || std::size_t(n.ints[0]) >= f.arguments.size()) return "no such argument";
      if (!(f.arguments[std::size_t(n.ints[0])] == declared))
        return "type differs from the argument's";
    }
    return n.op == OpCode::buffer ? data(n) : "";
  }

  static std::string data(const OwnedNode& n) {
    const TensorType& type = n.results[0];
    Dim count = element_count(type.shape) * Dim(std::int64_t(size_of(type.dtype)));
    if (count.invalid || std::uint64_t(count.constant) != n.data.size())
      return "data has another size";
    bool bits =
        std::all_of(n.data.begin(), n.data.end(), [](std::byte b) { return b <= std::byte(1); });
    return type.dtype == DType::boolean && !bits ? "a bool is neither 0 nor 1" : "";
  }

  static const TensorType& type_of_value(const OwnedFunction& f, const Value& v) {
    return f.nodes[std::size_t(v.node)].results[std::size_t(v.result)];
  }
  // The callee's side of a node: as many arguments and results.
  std::string counts(const OwnedNode& n) const {
    const OwnedFunction& g = module.functions[std::size_t(n.callee)];
    if (g.arguments.size() != n.inputs.size()) return "callee takes another number of arguments";
    if (g.results.size() != n.results.size()) return "callee has another number of results";
    return {};
  }

  std::string call(const OwnedFunction& f, const OwnedNode& n) {
    const OwnedFunction& g = module.functions[std::size_t(n.callee)];
    if (std::string e = counts(n); !e.empty()) return e;
    for (std::size_t i = 0; i < n.inputs.size(); ++i)
      if (!(type_of_value(f, n.inputs[i]) == g.arguments[i]))
        return "callee takes another type as argument " + std::to_string(i);
    for (std::size_t i = 0; i < g.results.size(); ++i)
      if (!(type_of_value(g, g.results[i]) == n.results[i]))
        return "callee has another type as result " + std::to_string(i);
    if (n.op == OpCode::repeat && (n.results.size() != 1 || !(n.results[0] == g.arguments[0])))
      return "a repeated function must keep the type of its first argument";
    return {};
  }

  std::string scan(const OwnedFunction& f, const OwnedNode& n) const {
    if (std::string e = counts(n); !e.empty()) return e;
    const std::int64_t states = n.ints[0], scanned = n.ints[1], axis = n.ints[2];
    if (states < 0 || scanned < 0 || states > std::int64_t(n.results.size()) ||
        states > std::int64_t(n.inputs.size()) || scanned > std::int64_t(n.inputs.size()) - states)
      return "counts more states or scanned tensors than there are";
    if (n.ints[3] != 0 && n.ints[3] != 1) return "reverse is neither 0 nor 1";
    return turns(f, n, states, scanned, axis, n.results.size());
  }

  std::string loop(const OwnedFunction& f, const OwnedNode& n) const {
    if (std::string e = counts(n); !e.empty()) return e;
    const std::int64_t states = n.ints[0];
    if (states < 0 || states >= std::int64_t(n.results.size()) ||
        states > std::int64_t(n.inputs.size()))
      return "counts more states than there are";
    const OwnedFunction& g = module.functions[std::size_t(n.callee)];
    if (type_of_value(g, g.results.back()).dtype != DType::boolean)
      return "the callee says not by bools whether to go on";
    if (!(n.results.back() == turn_count)) return "the last result does not count turns";
    return turns(f, n, states, 0, n.ints[1], n.results.size() - 1);
  }

  // What a scan's and a loop's turns take and give, of the first `results` of them.
  std::string turns(const OwnedFunction& f, const OwnedNode& n, std::int64_t states,
                    std::int64_t scanned, std::int64_t axis, std::size_t results) const {
    const OwnedFunction& g = module.functions[std::size_t(n.callee)];
    auto differs = [](const Inferred& r, const TensorType& type) {
      return r.problem        ? text_of(r.problem)
             : r.type == type ? ""
                              : "a type differs from the callee's";
    };
    for (std::int64_t i = 0; i < std::int64_t(n.inputs.size()); ++i) {
      const TensorType& given = type_of_value(f, n.inputs[std::size_t(i)]);
      bool stepped = i >= states && i < states + scanned;
      Inferred r = stepped ? infer_step(given, axis, n.dims[0]) : Inferred{given};
      if (std::string e = differs(r, g.arguments[std::size_t(i)]); !e.empty())
        return "argument " + std::to_string(i) + ": " + e;
    }
    for (std::int64_t i = 0; i < std::int64_t(results); ++i) {
      const TensorType& made = type_of_value(g, g.results[std::size_t(i)]);
      if (i < states && !(made == g.arguments[std::size_t(i)]))
        return "a state does not keep its type";
      Inferred r = i < states ? Inferred{made} : infer_stacked(made, axis, n.dims[0]);
      if (std::string e = differs(r, n.results[std::size_t(i)]); !e.empty())
        return "result " + std::to_string(i) + ": " + e;
    }
    return {};
  }

  std::string grow(Expanded& size, const OwnedNode& n) const {
    size.nodes += 1;
    if (n.op == OpCode::parameter) {
      size.parameters += 1;
      size.text += std::int64_t(n.name.size());
    }
    if (n.callee >= 0) {
      const Expanded& inner = expanded[std::size_t(n.callee)];
      std::int64_t turns = n.op == OpCode::repeat ? n.times : 1;
      size.nodes += turns * inner.nodes;
      size.parameters += turns * inner.parameters;
      size.text += turns * (inner.text + inner.parameters * (std::int64_t(n.name.size()) + 6));
      size.depth = std::max(size.depth, inner.depth + 1);
    }
    if (size.nodes > limit::expanded_nodes || size.text > limit::parameter_text)
      return "grows too large";
    return size.depth > limit::depth ? "calls are nested too deeply" : "";
  }

  static std::string dimension_of(const Dim& d) {
    return is_canonical(d) ? "" : "a dimension is not in canonical form";
  }
  std::string dimension(const Dim& d) const {
    if (std::string e = dimension_of(d); !e.empty()) return e;
    for (const Term& t : d.terms)
      for (const Atom& a : t.factors)
        if (a.symbol && !symbols.contains(a.symbol))
          return "dimension " + text_of(d) + " is in no input of the network";
    return {};
  }
  std::string tensor_type(const TensorType& type) const {
    if (int(type.dtype) >= dtype_count) return "unknown dtype";
    if (type.shape.rank < 0 || type.shape.rank > max_rank) return "rank is too large";
    for (int i = 0; i < type.shape.rank; ++i)
      if (std::string e = dimension(type.shape.dims[i]); !e.empty()) return e;
    Problem p = check_shape(type.shape);
    return p ? text_of(p) : "";
  }
  void note_symbols(const TensorType& type) {
    for (int i = 0; i < std::clamp(type.shape.rank, 0, max_rank); ++i)
      for (const Term& t : type.shape.dims[i].terms)
        for (const Atom& a : t.factors)
          if (a.symbol) symbols.insert(a.symbol);
  }

  std::string inputs() const {
    const std::vector<std::string>& names = module.input_names;
    if (names.size() != module.functions.back().arguments.size())
      return "has another number of input names than inputs";
    for (const std::string& name : names) {
      if (name.empty() || !is_name(name)) return "bad input name";
      if (std::count(names.begin(), names.end(), name) > 1)
        return "two inputs are named '" + name + "'";
    }
    return {};
  }

  // A name that occurs again is the same tensor, so its type must be the same too.
  std::string parameters() const {
    std::vector<Use> all = parameter_uses(module);
    std::sort(all.begin(), all.end(), [](const Use& a, const Use& b) { return a.name < b.name; });
    for (std::size_t i = 1; i < all.size(); ++i)
      if (all[i - 1].name == all[i].name && !(*all[i - 1].type == *all[i].type))
        return "parameter '" + all[i].name + "' has two types";
    return {};
  }
};

}  // namespace detail

// Empty where all is well.
inline std::string verify(const Module& module) { return detail::Verifier(module).run(); }

}  // namespace heed::graph
