// From a module's type to constant tables (contract 1): each body once for each signature of tensor types.
// Two walks over a body's expressions fill them; graph_of.h hands them out.
#pragma once
#include <span>

#include "heed/dsl/graph/graph.h"
#include "heed/dsl/module.h"

namespace heed::detail {

// ---- one row of the table -------------------------------------------------------------------------------------------

template <class M, class... T>
struct FunctionOf;

// What an expression's node holds besides its operands.
template <class Op, class T, class... C>
struct Row {
  static constexpr graph::Node node() {
    graph::Node n;
    n.op = Op::code;
    n.results = &type_of<T>;
    n.result_count = 1;
    n.ints = Op::with.ints;
    n.int_count = Op::with.int_count;
    n.dims = Op::with.dims;
    n.dim_count = Op::with.dim_count;
    n.reals = Op::with.reals;
    n.real_count = Op::with.real_count;
    if constexpr (requires { Op::name; }) n.name = Op::name;
    if constexpr (requires { Op::tied; }) n.tied = Op::tied;
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
    graph::Node n;
    n.op = OpCode::buffer;
    n.name = literal<Name>.chars;
    n.results = &type_of<T>;
    n.result_count = 1;
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

inline constexpr int most_nodes = 1024;

// First walk: which expressions there are, operands first, and how many operands they have together.
struct Census {
  const void* known[most_nodes]{};
  int nodes = 0, operands = 0;
  constexpr int find(const void* key) const {
    for (int i = 0; i < nodes; ++i)
      if (known[i] == key) return i;
    return -1;
  }
};
// Second walk: the tables themselves. Nodes point into `operands`, so these are made first.
struct Rows {
  graph::Node* nodes;
  graph::Value* operands;
  const graph::Value* stored;  // where `operands` will lie
};

template <class E>
struct Emit;
template <class Op, class T, class... C>
struct Emit<expr<Op, T, C...>> {
  using E = expr<Op, T, C...>;
  static constexpr graph::Value visit(Census& census, const Rows& rows) {
    int at = census.find(&identity<E>);
    if (at >= 0) return {at, 0};
    const graph::Value from[sizeof...(C) + 1] = {Emit<C>::visit(census, rows)..., {}};
    at = census.nodes++;
    census.known[at] = &identity<E>;
    if (rows.operands)
      for (std::size_t i = 0; i < sizeof...(C); ++i) rows.operands[census.operands + int(i)] = from[i];
    if (rows.nodes) {
      rows.nodes[at] = Row<Op, T, C...>::node();
      rows.nodes[at].inputs = rows.stored + census.operands;
      rows.nodes[at].input_count = sizeof...(C);
    }
    census.operands += sizeof...(C);
    return {at, 0};
  }
};
template <std::size_t I, class T, class Call>
struct Emit<expr<ops::result_of<I>, T, Call>> {
  static constexpr graph::Value visit(Census& census, const Rows& rows) {
    return {Emit<Call>::visit(census, rows).node, int(I)};
  }
};

template <class T, int N>
struct Table {
  T items[N > 0 ? N : 1]{};
};

template <class M, class Roots, class... T>
struct Tables;
template <class M, class... E, class... T>
struct Tables<M, parts<E...>, T...> {
  static constexpr Census census = [] {
    Census c;
    (Emit<E>::visit(c, Rows{}), ...);
    return c;
  }();
  static constexpr Table<graph::Value, census.operands> operands = [] {
    Table<graph::Value, census.operands> t;
    Census c;
    (Emit<E>::visit(c, Rows{nullptr, t.items, nullptr}), ...);
    return t;
  }();
  static constexpr Table<graph::Node, census.nodes> nodes = [] {
    Table<graph::Node, census.nodes> t;
    Census c;
    (Emit<E>::visit(c, Rows{t.items, nullptr, operands.items}), ...);
    return t;
  }();
  static constexpr graph::Value results[] = {[] {
    Census c;
    return Emit<E>::visit(c, Rows{});
  }()...};
  static constexpr TensorType arguments[sizeof...(T) + 1] = {type_of<T>..., {}};
  static constexpr graph::Function function{literal<name_of_class<M>>.chars, arguments, sizeof...(T),
                                            nodes.items, census.nodes, results, sizeof...(E)};
};

template <class M, class... T>
struct FunctionOf : Tables<M, typename returned<M, T...>::roots, T...> {};

}  // namespace heed::detail
