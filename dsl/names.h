// A walk over a network's constant tables, with full names: finds names that collide, ties that
// lead nowhere and symbols that no input binds. Plain constexpr values, evaluated once for each
// network.
#pragma once
#include "heed/dsl/flatten.h"

namespace heed::detail {

inline constexpr int longest_name = 512;

// A full name while it grows piece by piece: its hash, and its text where somebody keeps one. Names
// of one walk share the text, each overwriting what lies behind its own prefix.
struct Name {
  std::uint64_t hash = 1469598103934665603u;
  int length = 0;
  char* text = nullptr;
  constexpr void add(char c) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    if (text && length < longest_name) text[length] = c;
    ++length;
  }
  constexpr void add(const char* s) {
    for (; *s; ++s) add(*s);
  }
};

constexpr bool calls(const graph::Node& node) { return node.callee != nullptr; }

// Calls visit(name, node, tied, first) for every node, callees in place; first: not a later turn of
// a repeat.
template <class Visit>
constexpr void walk(const graph::Function& f, const Name& prefix, bool tied, bool first,
                    Visit& visit) {
  for (int i = 0; i < f.node_count; ++i) {
    const graph::Node& node = f.nodes[i];
    visit(prefix, node, tied || node.tied, first);
    if (!calls(node)) continue;
    Name inner = prefix;
    inner.add(node.name);
    if (*node.name) inner.add('.');
    if (node.op != OpCode::repeat) walk(*node.callee, inner, tied || node.tied, first, visit);
    else
      for (std::int64_t turn = 0; turn < node.times; ++turn) {
        Name numbered = inner;
        print_number(turn, [&](char c) { numbered.add(c); });
        numbered.add('.');
        walk(*node.callee, numbered, tied, first && turn == 0, visit);
      }
  }
}

constexpr int count_parameters(const graph::Function& f) {
  int n = 0;
  for (int i = 0; i < f.node_count; ++i) {
    const graph::Node& node = f.nodes[i];
    n += node.op == OpCode::parameter;
    if (calls(node)) n += (node.times > 1 ? int(node.times) : 1) * count_parameters(*node.callee);
  }
  return n;
}

// Names seen so far, in order of first use; open addressing over their hashes.
template <int Uses>
struct NameTable {
  struct Entry {
    Name name;
    const TensorType* type = nullptr;
    bool used = false, declared = false;
  };
  static constexpr int slots = 2 * Uses + 1;
  Entry entries[Uses + 1]{};
  int slot[slots]{};  // 1 + index into entries
  int size = 0;

  constexpr Entry& at(const Name& name) {
    int i = int(name.hash % slots);
    for (; slot[i]; i = (i + 1) % slots) {
      Entry& e = entries[slot[i] - 1];
      if (e.name.hash == name.hash && e.name.length == name.length) return e;
    }
    slot[i] = ++size;
    entries[size - 1].name = name;
    return entries[size - 1];
  }
};

// The symbols of a network's inputs.
struct Symbols {
  std::uint64_t keys[64]{};
  int size = 0;
  constexpr bool has(std::uint64_t key) const {
    for (int i = 0; i < size; ++i)
      if (keys[i] == key) return true;
    return false;
  }
  constexpr bool covers(const Dim& d) const {
    for (const Term& t : d.terms)
      for (const Atom& a : t.factors)
        if (t.used() && a.symbol && !has(a.symbol)) return false;
    return true;
  }
  constexpr void add(const TensorType& type) {
    for (int i = 0; i < type.shape.rank; ++i)
      for (const Term& t : type.shape.dims[i].terms)
        for (const Atom& a : t.factors)
          if (t.used() && a.symbol && !has(a.symbol) && size < 64) keys[size++] = a.symbol;
  }
};

// What is wrong with a network as a whole.
struct Fault {
  const char* sentence = nullptr;
  std::uint64_t hash = 0;  // of the name concerned
  Dim dim{};               // or the dimension
  bool about_dim = false, found = true;
};

constexpr bool introduces_dims(OpCode op) {
  return op == OpCode::reshape || op == OpCode::broadcast || op == OpCode::extent ||
         op == OpCode::slice || op == OpCode::pad;
}

template <int Uses>
struct Inspection {
  NameTable<Uses> names;
  Fault fault{.found = false};
};

template <int Uses>
constexpr Inspection<Uses> inspect(const graph::Function& root) {
  Inspection<Uses> r;
  Symbols symbols;
  for (int i = 0; i < root.argument_count; ++i) symbols.add(root.arguments[i]);
  auto blame = [&](Fault fault) {
    if (!r.fault.found) r.fault = fault;
  };
  auto visit = [&](const Name& prefix, const graph::Node& node, bool tied, bool first) {
    if (first && introduces_dims(node.op)) {
      const Shape& shape = node.results[0].shape;
      for (int i = 0; i < shape.rank; ++i)
        if (!shape.dims[i].is_static() && !symbols.covers(shape.dims[i]))
          blame({message::dimension_in_no_input, 0, shape.dims[i], true});
      for (int i = 0; i < node.dim_count; ++i)
        if (!symbols.covers(node.dims[i]))
          blame({message::dimension_in_no_input, 0, node.dims[i], true});
    }
    if (node.op != OpCode::parameter) return;
    Name name = prefix;
    name.add(node.name);
    auto& entry = r.names.at(name);
    if (!tied && entry.declared) blame({message::names_collide, name.hash});
    if (!entry.used) entry.type = node.results;
    else if (!(*entry.type == *node.results)) blame({message::tied_to_another_type, name.hash});
    entry.used = true;
    entry.declared |= !tied;
  };
  walk(root, Name{}, false, true, visit);
  for (int i = 0; i < r.names.size; ++i)
    if (!r.names.entries[i].declared)
      blame({message::tied_to_nothing, r.names.entries[i].name.hash});
  return r;
}

// What the fault is about, as text.
constexpr void print(const Fault& fault, const graph::Function& root, CharBuffer& out) {
  if (fault.about_dim) return heed::print(fault.dim, out);
  char text[longest_name]{};
  bool found = false;
  auto visit = [&](const Name& prefix, const graph::Node& node, bool, bool) {
    if (node.op != OpCode::parameter || found) return;
    Name name = prefix;
    name.add(node.name);
    found = name.hash == fault.hash;
    if (found) out(std::string_view(text, std::size_t(name.length)));
  };
  Name root_name;
  root_name.text = text;
  walk(root, root_name, false, true, visit);
}

}  // namespace heed::detail
