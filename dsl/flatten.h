// From a module's type to constant tables (contract 1): each body once for each signature of tensor types.
// Two walks over a body's expressions fill them; graph_of.h hands them out.
#pragma once
#include <span>

#include "heed/dsl/graph/graph.h"
#include "heed/dsl/module.h"
#include "heed/dsl/ops/probe.h"

namespace heed::detail {

// ---- one row of the table -------------------------------------------------------------------------------------------

template <class M, class... T>
struct FunctionOf;

constexpr graph::Node plain_node(OpCode code, const graph::Attributes& with, const TensorType* type) {
  graph::Node n;
  n.op = code;
  n.results = type;
  n.result_count = 1;
  n.ints = with.ints;
  n.int_count = with.int_count;
  n.dims = with.dims;
  n.dim_count = with.dim_count;
  n.reals = with.reals;
  n.real_count = with.real_count;
  return n;
}

// What an expression's node holds besides its operands.
template <class Op, class T, class... C>
struct Row {
  static constexpr graph::Node node() { return plain_node(Op::code, Op::with, &type_of<T>); }
};
template <text Name, class T, bool Tied>
struct Row<ops::parameter<Name, T, Tied>, T> {
  static constexpr graph::Node node() {
    graph::Node n = plain_node(OpCode::parameter, {}, &type_of<T>);
    n.name = literal<Name>.chars;
    n.tied = Tied;
    return n;
  }
};
template <text Name, class T, class X>
struct Row<ops::probe<Name>, T, X> {
  static constexpr graph::Node node() {
    graph::Node n = plain_node(OpCode::probe, {}, &type_of<T>);
    n.name = literal<Name>.chars;
    return n;
  }
};

template <DType>
struct Stored { using type = std::uint16_t; };  // f16 and bf16 by their bits
template <> struct Stored<DType::f32> { using type = float; };
template <> struct Stored<DType::i8> { using type = std::int8_t; };
template <> struct Stored<DType::i32> { using type = std::int32_t; };
template <> struct Stored<DType::i64> { using type = std::int64_t; };
template <> struct Stored<DType::boolean> { using type = bool; };

template <text Name, class T, class Filler, class... C>
struct Row<ops::buffer<Name, T, Filler>, T, C...> {
  using Element = typename Stored<type_of<T>.dtype>::type;
  static void fill(void* elements, std::int64_t count) {
    Filler::fill(std::span<Element>(static_cast<Element*>(elements), std::size_t(count)));
  }
  static constexpr graph::Node node() {
    graph::Node n = plain_node(OpCode::buffer, {}, &type_of<T>);
    n.name = literal<Name>.chars;
    n.fill = &fill;
    return n;
  }
};

template <class T>
struct Results {
  static constexpr const TensorType* data = &type_of<T>;
  static constexpr int count = 1;
};
template <class... T>
struct Results<types<T...>> {
  static constexpr TensorType all[] = {type_of<T>...};
  static constexpr const TensorType* data = all;
  static constexpr int count = sizeof...(T);
};
template <text Name, class M, bool Tied, class T, class... C>
struct Row<ops::call<Name, M, Tied>, T, C...> {
  static constexpr graph::Node node() {
    graph::Node n;
    n.op = OpCode::call;
    n.name = literal<Name>.chars;
    n.tied = Tied;
    n.results = Results<T>::data;
    n.result_count = Results<T>::count;
    n.callee = &FunctionOf<M, typename C::type...>::function;
    return n;
  }
};
template <text Name, std::int64_t Times, class M, class T, class... C>
struct Row<ops::repeat<Name, Times, M>, T, C...> {
  static constexpr graph::Node node() {
    graph::Node n = Row<ops::call<Name, M, false>, T, C...>::node();
    n.op = OpCode::repeat;
    n.times = Times;
    return n;
  }
};

// ---- the table of a body --------------------------------------------------------------------------------------------

template <class E>
inline constexpr char identity = 0;  // its address stands for the expression

inline constexpr int most_nodes = 1000;  // the walk is quadratic, and compilers count its steps

// A walk over a body: operands come before users, an expression met again is the node that it was. The arrays belong
// to the caller; `nodes` is filled only in a walk that has it.
struct Walk {
  const void** known;
  graph::Value* operands;
  graph::Node* nodes = nullptr;
  const graph::Value* stored = nullptr;  // where the operands will lie at run time
  int node_count = 0, operand_count = 0;

  constexpr int find(const void* key) const {
    for (int i = node_count - 1; i >= 0; --i)
      if (known[i] == key) return i;
    return -1;
  }
  constexpr graph::Value add(const void* key, const graph::Value* from, int count) {
    for (int i = 0; i < count; ++i) operands[operand_count + i] = from[i];
    if (nodes) {
      nodes[node_count].inputs = stored + operand_count;
      nodes[node_count].input_count = count;
    }
    operand_count += count;
    if (node_count == most_nodes) throw message::split_this_body;
    known[node_count] = key;
    return {node_count++, 0};
  }
};

template <class E>
struct Emit;
template <class Op, class T, class... C>
struct Emit<expr<Op, T, C...>> {
  static constexpr const void* key = &identity<expr<Op, T, C...>>;
  static constexpr graph::Value visit(Walk& walk) {
    if (int at = walk.find(key); at >= 0) return {at, 0};
    const graph::Value from[sizeof...(C) + 1] = {Emit<C>::visit(walk)..., {}};
    if (walk.nodes) walk.nodes[walk.node_count] = Row<Op, T, C...>::node();
    return walk.add(key, from, sizeof...(C));
  }
};
template <std::size_t I, class T, class Call>
struct Emit<expr<ops::result_of<I>, T, Call>> {
  static constexpr graph::Value visit(Walk& walk) { return {Emit<Call>::visit(walk).node, int(I)}; }
};

template <class T, int N>
struct Table {
  T items[N > 0 ? N : 1]{};
};

template <class M, class Roots, class... T>
struct Tables;
template <class M, class... E, class... T>
struct Tables<M, parts<E...>, T...> {
  // A tree has at least as many nodes as there are different ones.
  static constexpr int capacity = int((0 + ... + E::tree));
  struct Census {
    Table<graph::Value, capacity> operands;
    Table<graph::Value, sizeof...(E)> results;
    int node_count, operand_count;
  };
  static constexpr Census census = [] {
    Census c{};
    Table<const void*, capacity> known;
    Walk walk{known.items, c.operands.items};
    int i = 0;
    ((c.results.items[i++] = Emit<E>::visit(walk)), ...);
    c.node_count = walk.node_count;
    c.operand_count = walk.operand_count;
    return c;
  }();
  static constexpr Table<graph::Value, census.operand_count> operands = [] {
    Table<graph::Value, census.operand_count> t;
    for (int i = 0; i < census.operand_count; ++i) t.items[i] = census.operands.items[i];
    return t;
  }();
  static constexpr Table<graph::Node, census.node_count> nodes = [] {
    Table<graph::Node, census.node_count> t;
    Table<const void*, census.node_count> known;
    Table<graph::Value, census.operand_count> again;
    Walk walk{known.items, again.items, t.items, operands.items};
    (Emit<E>::visit(walk), ...);
    return t;
  }();
  static constexpr Table<TensorType, sizeof...(T)> arguments{{type_of<T>...}};
  static constexpr graph::Function function{literal<name_of_class<M>>.chars, arguments.items, sizeof...(T),
                                            nodes.items, census.node_count, census.results.items, sizeof...(E)};
};

template <class M, class... T>
struct FunctionOf : Tables<M, typename returned<M, T...>::roots, T...> {};

}  // namespace heed::detail
