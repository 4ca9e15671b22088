// From a module's type to constant tables (contract 1): each body once for each signature of tensor
// types. Two walks over a body's expressions fill them; graph_of.h hands them out.
#pragma once
#include <span>

#include "heed/dsl/graph/graph.h"
#include "heed/dsl/module.h"
#include "heed/dsl/ops/probe.h"
#include "heed/dsl/loop.h"

namespace heed::detail {

// ---- one row of the table -----------------------------------------------------------------------

template <class M, class... T>
struct FunctionOf;

constexpr graph::Node plain_node(OpCode code, const graph::Attributes& with,
                                 const TensorType* type) {
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

// What an expression's node holds besides its operands; of these only calls need the types.
template <class Op, class T>
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
template <text Name, class T>
struct Row<ops::probe<Name>, T> {
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

template <text Name, class T, class Filler>
struct Row<ops::buffer<Name, T, Filler>, T> {
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
template <class M, class T, class... C>
constexpr graph::Node call_node(OpCode code, const char* name, bool tied, std::int64_t times) {
  graph::Node n;
  n.op = code;
  n.name = name;
  n.tied = tied;
  n.times = times;
  n.results = Results<T>::data;
  n.result_count = Results<T>::count;
  n.callee = &FunctionOf<M, typename C::type...>::function;
  return n;
}

template <class E>
struct NodeOf;
template <class Op, class T, class... C>
struct NodeOf<expr<Op, T, C...>> {
  static constexpr int operands = sizeof...(C);
  static constexpr graph::Node node() { return Row<Op, T>::node(); }
};
template <text Name, class M, bool Tied, class T, class... C>
struct NodeOf<expr<ops::call<Name, M, Tied>, T, C...>> {
  static constexpr int operands = sizeof...(C);
  static constexpr graph::Node node() {
    return call_node<M, T, C...>(OpCode::call, literal<Name>.chars, Tied, 0);
  }
};
template <text Name, std::int64_t Times, class M, class T, class... C>
struct NodeOf<expr<ops::repeat<Name, Times, M>, T, C...>> {
  static constexpr int operands = sizeof...(C);
  static constexpr graph::Node node() {
    return call_node<M, T, C...>(OpCode::repeat, literal<Name>.chars, false, Times);
  }
};

template <std::size_t States, int Axis, class C, class... More>
struct ScanSteps : ScanSteps<States - 1, Axis, More...> {};
template <int Axis, class C, class... More>
struct ScanSteps<0, Axis, C, More...> : StepsOf<typename C::type, Axis> {
  static constexpr Dim dims[] = {StepsOf<typename C::type, Axis>::value};
};
template <text Name, class Cell, int Axis, bool Reverse, std::size_t States, std::size_t Scanned,
          class T, class... C>
struct NodeOf<expr<ops::scan<Name, Cell, Axis, Reverse, States, Scanned>, T, C...>> {
  using Op = ops::scan<Name, Cell, Axis, Reverse, States, Scanned>;
  using Steps = ScanSteps<States, Axis, C...>;
  static constexpr int operands = sizeof...(C);
  template <std::size_t... I>
  static constexpr graph::Node node(std::index_sequence<I...>) {
    graph::Node n = call_node<
        Cell, T,
        of_type<typename CellArgument<I, States, Scanned, Axis, typename C::type, Steps>::type>...>(
        OpCode::scan, Op::name, false, 0);
    n.ints = Op::ints;
    n.int_count = 4;
    n.dims = Steps::dims;
    n.dim_count = 1;
    return n;
  }
  static constexpr graph::Node node() { return node(std::index_sequence_for<C...>{}); }
};
template <text Name, class M, Dim Limit, int Axis, std::size_t States, class T, class... C>
struct NodeOf<expr<ops::loop<Name, M, Limit, Axis, States>, T, C...>> {
  using Op = ops::loop<Name, M, Limit, Axis, States>;
  static constexpr int operands = sizeof...(C);
  static constexpr graph::Node node() {
    graph::Node n = call_node<M, T, C...>(OpCode::loop, Op::name, false, 0);
    n.ints = Op::ints;
    n.int_count = 2;
    n.dims = Op::dims;
    n.dim_count = 1;
    return n;
  }
};

// ---- the table of a body ------------------------------------------------------------------------

// The different expressions of a body, operands before users, and the operands of all of them in a
// row. Types are compared by the compiler itself: addresses of per-type objects would do too, but
// g++ does not compare them in constants under -fsanitize=undefined.
template <class... E>
struct Order {};
template <class... E>
struct Operands {};
template <class Order, class Operands>
struct Sorted {};

template <class Sorted, class... X>
struct InsertAll {
  using type = Sorted;
};
template <bool Known, class Sorted, class E>
struct Insert {
  using type = Sorted;
};
template <class... E, class Operands, class X, class... More>
struct InsertAll<Sorted<Order<E...>, Operands>, X, More...>
    : InsertAll<typename Insert<(__is_same(E, X) || ...), Sorted<Order<E...>, Operands>, X>::type,
                More...> {};

template <class Sorted, class X, class... C>
struct Append;
template <class... E, class... O, class X, class... C>
struct Append<Sorted<Order<E...>, Operands<O...>>, X, C...> {
  using type = Sorted<Order<E..., X>, Operands<O..., C...>>;
};
template <class Sorted, class Op, class T, class... C>
struct Insert<false, Sorted, expr<Op, T, C...>>
    : Append<typename InsertAll<Sorted, C...>::type, expr<Op, T, C...>, C...> {};
template <class Sorted, std::size_t I, class T, class Call>
struct Insert<false, Sorted, expr<ops::result_of<I>, T, Call>> : InsertAll<Sorted, Call> {};

// Where an expression's value lies: its node, and which result of it.
template <class E, class... All>
constexpr int index_among() {
  constexpr bool same[] = {__is_same(All, E)...};
  int i = 0;
  while (!same[i]) ++i;
  return i;
}
template <class Order, class E>
inline constexpr graph::Value value_of{};
template <class... All, class E>
inline constexpr graph::Value value_of<Order<All...>, E>{index_among<E, All...>(), 0};
template <class... All, std::size_t I, class T, class Call>
inline constexpr graph::Value value_of<Order<All...>, expr<ops::result_of<I>, T, Call>>{
    index_among<Call, All...>(), int(I)};

template <class T, int N>
struct Table {
  T items[N > 0 ? N : 1]{};
};

template <class Sorted>
struct Nodes;
template <class... E, class... O>
struct Nodes<Sorted<Order<E...>, Operands<O...>>> {
  using order = Order<E...>;
  static constexpr int count = sizeof...(E);
  static constexpr Table<graph::Value, sizeof...(O)> operands{{value_of<order, O>...}};
  static constexpr Table<graph::Node, count> rows = [] {
    Table<graph::Node, count> t{{NodeOf<E>::node()...}};
    const int operand_counts[] = {NodeOf<E>::operands...};
    int at = 0;
    for (int i = 0; i < count; ++i) {
      t.items[i].inputs = operands.items + at;
      t.items[i].input_count = operand_counts[i];
      at += operand_counts[i];
    }
    return t;
  }();
};

template <class M, class Roots, class... T>
struct Tables;
template <class M, class... E, class... T>
struct Tables<M, parts<E...>, T...> {
  using nodes = Nodes<typename InsertAll<Sorted<Order<>, Operands<>>, E...>::type>;
  static constexpr Table<graph::Value, sizeof...(E)> results{
      {value_of<typename nodes::order, E>...}};
  static constexpr Table<TensorType, sizeof...(T)> arguments{{type_of<T>...}};
  static constexpr graph::Function function{
      literal<name_of_class<M>>.chars, arguments.items, sizeof...(T),
      nodes::rows.items, nodes::count, results.items, sizeof...(E)};
};

template <class M, class... T>
struct FunctionOf : Tables<M, typename returned<M, T...>::roots, T...> {};

}  // namespace heed::detail
