// Recurrence: scan<"rnn", cell>(states(h), steps(x), held(memory), lengths(n)) runs a cell along an
// axis. The cell is a module that takes the states, the scanned tensors at one step (without the
// axis) and the held ones, and returns the next states, then its outputs. The scan's values are the
// last states, then the outputs of all steps, stacked along the axis.
#pragma once
#include "heed/dsl/module.h"
#include "heed/dsl/ops/layout.h"
#include "heed/dsl/ops/logic.h"
#include "heed/dsl/ops/arithmetic.h"

namespace heed {

namespace ops {
template <text Name, class Cell, int Axis, bool Reverse, std::size_t States, std::size_t Scanned>
struct scan : op<OpCode::scan> {
  static constexpr const char* name = literal<Name>.chars;
  static constexpr std::int64_t ints[] = {States, Scanned, Axis, Reverse};
};
}  // namespace ops

namespace detail {
template <class... E>
struct InitialStates {};
template <class... E>
struct ScannedTensors {};
template <class... E>
struct HeldTensors {};
template <class... E>
struct RowLengths {};
}  // namespace detail

// What a scan is called with. States are the values before the first step.
template <operand... E>
constexpr detail::InitialStates<settled<E>...> states(E...) { return {}; }
// Tensors that each step sees one slice of; all have as many steps.
template <operand... E>
constexpr detail::ScannedTensors<settled<E>...> steps(E...) { return {}; }
// Tensors that every step sees whole.
template <operand... E>
constexpr detail::HeldTensors<settled<E>...> held(E...) { return {}; }
// [batch], i32 or i64: how many steps each row has. Axis 0 of states and outputs is the batch.
// Behind its end a row keeps its states and gives zeros; in reverse it starts at its own last step.
// As torch's packed sequences.
template <operand E>
constexpr detail::RowLengths<settled<E>> lengths(E) { return {}; }

namespace detail {

// Steps of the first scanned tensor, which the others must have too.
template <class T, int Axis>
struct StepsOf {
  static constexpr const Shape& shape = type_of<T>.shape;
  static constexpr Dim value = Axis < shape.rank ? shape.dims[Axis] : Dim(1);
};
template <class T, int Axis, class Steps>
struct AtStep {
  static constexpr graph::Inferred inferred = graph::infer_step(type_of<T>, Axis, Steps::value);
  static constexpr const TensorType& type = inferred.type;
};
template <class T, int Axis, class Steps>
struct StackedOver {
  static constexpr graph::Inferred inferred = graph::infer_stacked(type_of<T>, Axis, Steps::value);
  static constexpr const TensorType& type = inferred.type;
};
template <class T>
using of_type = expr<ops::input<0>, T>;
// Operand `I` of a scan as its cell sees it.
template <std::size_t I, std::size_t States, std::size_t Scanned, int Axis, class T, class Steps>
struct CellArgument {
  using type = T;
};
template <std::size_t I, std::size_t States, std::size_t Scanned, int Axis, class T, class Steps>
  requires(I >= States && I < States + Scanned)
struct CellArgument<I, States, Scanned, Axis, T, Steps> {
  using type = tensor_from<AtStep<T, Axis, Steps>>;
};

// A state as it came and as the cell hands it on.
template <class Before, class After>
struct StateCheck {
  static constexpr const TensorType &before = type_of<Before>, &after = type_of<After>;
  static constexpr graph::Inferred inferred{
      {},
      before.dtype != after.dtype
          ? graph::problem(message::dtypes_differ, before.dtype, after.dtype)
      : !(before.shape == after.shape) ? graph::problem(message::state_changes_type)
                                       : graph::no_problem};
};

// g++ 12 makes no text in a pack that is expanded
inline constexpr text scan_word("scan"), loop_word("loop");

// The first check that fails, as an error; void where none does. Each is paired with the types it
// shows.
template <text Word, text Name, class Check, class... Shown>
struct Judged {
  static constexpr bool ok = !Check::inferred.problem;
  struct refusal {  // a class of its own: there is no sentence where all is well
    using type = error<Word, Check, Name, shape_text<Shown>...>;
  };
};
template <class Judged, class... More>
consteval auto first_refusal() {
  if constexpr (!Judged::ok) return std::type_identity<typename Judged::refusal::type>{};
  else if constexpr (sizeof...(More) > 0) return first_refusal<More...>();
  else return std::type_identity<void>{};
}
struct Accepted {
  static constexpr bool ok = true;
};

template <std::size_t I, class Roots>
using root_type = typename std::tuple_element_t<I, Roots>::type;

// The value of a scan whose cell returns Roots: states keep their types, outputs are stacked.
template <text Name, class Op, int Axis, class Steps, class Roots, class... S, class... Operands,
          std::size_t... I, std::size_t... J>
consteval auto scan_value(InitialStates<S...>, ScannedTensors<Operands...>,
                          std::index_sequence<I...>, std::index_sequence<J...>) {
  constexpr std::size_t n = sizeof...(S);
  using Refusal =
      typename decltype(first_refusal<
                        Judged<scan_word, Name, StateCheck<typename S::type, root_type<I, Roots>>,
                               typename S::type, root_type<I, Roots>>...,
                        Judged<scan_word, Name, StackedOver<root_type<n + J, Roots>, Axis, Steps>,
                               root_type<n + J, Roots>>...,
                        Accepted>())::type;
  if constexpr (!std::is_void_v<Refusal>) return std::type_identity<Refusal>{};
  else
    return std::type_identity<typename CallValue<
        sizeof...(I) + sizeof...(J) == 1, Op,
        parts<S..., of_type<tensor_from<StackedOver<root_type<n + J, Roots>, Axis, Steps>>>...>,
        Operands...>::type>{};
}

template <text Name, class Cell, int Axis, bool Reverse, class... S, class X, class... Xs,
          class... H>
consteval auto scan_settled(InitialStates<S...> initial, ScannedTensors<X, Xs...>,
                            HeldTensors<H...>) {
  using Steps = StepsOf<typename X::type, Axis>;
  using Refusal = typename decltype(first_refusal<
                                    Judged<scan_word, Name, AtStep<typename X::type, Axis, Steps>,
                                           typename X::type>,
                                    Judged<scan_word, Name, AtStep<typename Xs::type, Axis, Steps>,
                                           typename Xs::type>...>())::type;
  if constexpr (!std::is_void_v<Refusal>) return std::type_identity<Refusal>{};
  else if constexpr (!fits_a_body<S..., X, Xs..., H...>)
    return std::type_identity<
        error<text("scan"), detail::Refusal<message::split_this_body>, Name>>{};
  else {
    using At = tensor_from<AtStep<typename X::type, Axis, Steps>>;
    using Called =
        typename decltype(call<Name, Cell, ops::call<Name, Cell, false>,
                               of_type<typename S::type>..., of_type<At>,
                               of_type<tensor_from<AtStep<typename Xs::type, Axis, Steps>>>...,
                               of_type<typename H::type>...>())::type;
    if constexpr (!expression<Called> && !is_parts<Called>) return std::type_identity<Called>{};
    else {
      using Roots = typename returned<Cell, typename S::type..., At,
                                      tensor_from<AtStep<typename Xs::type, Axis, Steps>>...,
                                      typename H::type...>::roots;
      constexpr std::size_t results = std::tuple_size_v<Roots>, n = sizeof...(S);
      if constexpr (results < n)
        return std::type_identity<
            error<text("scan"), detail::Refusal<message::fewer_results_than_states>, Name>>{};
      else
        return scan_value<Name, ops::scan<Name, Cell, Axis, Reverse, n, 1 + sizeof...(Xs)>, Axis,
                          Steps, Roots>(initial, ScannedTensors<S..., X, Xs..., H...>{},
                                        std::make_index_sequence<n>{},
                                        std::make_index_sequence<results - n>{});
    }
  }
}

template <text Name, class Cell, int Axis, bool Reverse, class... S, class... X, class... H>
consteval auto scan_call(InitialStates<S...> s, ScannedTensors<X...> x, HeldTensors<H...> h,
                         RowLengths<> = {}) {
  if constexpr (!((expression<S> && ...) && (expression<X> && ...) && (expression<H> && ...)))
    return first_error<S..., X..., H...>();
  else if constexpr (sizeof...(X) == 0)
    return std::type_identity<error<text("scan"), Refusal<message::nothing_to_scan>, Name>>{};
  else return scan_settled<Name, Cell, Axis, Reverse>(s, x, h);
}

// The cell of a scan with lengths: takes states, the step's index and the scanned tensors, then
// lengths and held tensors.
template <class Cell, std::size_t States, std::size_t Scanned>
struct until_its_length {
  sub<"", Cell> cell;

  template <expression... A>
  constexpr auto operator()(A...) const {
    return run(parts<A...>{}, std::make_index_sequence<States>{},
               std::make_index_sequence<Scanned>{},
               std::make_index_sequence<sizeof...(A) - States - Scanned - 2>{});
  }

 private:
  template <class X>
  struct RowsLike {
    static constexpr TensorType type = [] {
      TensorType t{DType::boolean, type_of<X>.shape};
      for (int i = 1; i < t.shape.rank; ++i) t.shape.dims[i] = Dim(1);
      return t;
    }();
  };
  template <class Live, class X>
  static constexpr auto rows_of(Live, X) {
    return applied<ops::reshape<tensor_from<RowsLike<typename X::type>>>, Live>{};
  }

  template <class All, std::size_t... S, std::size_t... X, std::size_t... H>
  constexpr auto run(All, std::index_sequence<S...>, std::index_sequence<X...>,
                     std::index_sequence<H...>) const {
    constexpr All all;
    auto live = all.template get<States>() < cast<i64>(all.template get<States + 1 + Scanned>());
    auto next = several(cell(all.template get<S>()..., all.template get<States + 1 + X>()...,
                             all.template get<States + Scanned + 2 + H>()...));
    return bounded(live, all, next, std::index_sequence<S...>{},
                   std::make_index_sequence<std::tuple_size_v<decltype(next)> - States>{});
  }
  template <expression E>
  static constexpr parts<E> several(E) { return {}; }
  template <class... E>
  static constexpr parts<E...> several(parts<E...>) { return {}; }
  template <class Live, class All, class Next, std::size_t... S, std::size_t... Y>
  static constexpr auto bounded(Live live, All, Next, std::index_sequence<S...>,
                                std::index_sequence<Y...>) {
    constexpr All all;
    constexpr Next next;
    return parts{where(rows_of(live, next.template get<S>()), next.template get<S>(),
                       all.template get<S>())...,
                 where(rows_of(live, next.template get<States + Y>()),
                       next.template get<States + Y>(), scalar<0>)...};
  }
};

// The index of the step, scanned.
template <class X, int Axis>
struct StepIndex {
  static constexpr TensorType type = [] {
    TensorType t{DType::i64, {}};
    for (int i = 0; i < Axis; ++i) t.shape.append(Dim(1));
    t.shape.append(StepsOf<X, Axis>::value);
    return t;
  }();
};
template <class N>
struct LengthsCheck {
  static constexpr const TensorType& type = type_of<N>;
  static constexpr graph::Inferred inferred{
      {},
      type.dtype != DType::i32 && type.dtype != DType::i64
          ? graph::problem(message::needs_integer, type.dtype)
      : type.shape.rank != 1 ? graph::problem(message::rank_differs, Dim(type.shape.rank), Dim(1))
                             : graph::no_problem};
};

template <text Name, class Cell, int Axis, bool Reverse, class... S, class... X, class... H,
          class N>
consteval auto scan_call(InitialStates<S...> s, ScannedTensors<X...> x, HeldTensors<H...> h,
                         RowLengths<N>) {
  using Unbounded = typename decltype(scan_call<Name, Cell, Axis, Reverse>(s, x, h))::type;
  if constexpr (!fine<Unbounded>) return std::type_identity<Unbounded>{};
  else if constexpr (!expression<N>) return std::type_identity<N>{};
  else {
    using Judgement = Judged<scan_word, Name, LengthsCheck<typename N::type>, typename N::type>;
    if constexpr (!Judgement::ok) return std::type_identity<typename Judgement::refusal::type>{};
    else {
      using First = std::tuple_element_t<0, parts<X...>>;
      using Index = expr<ops::position<Axis>, tensor_from<StepIndex<typename First::type, Axis>>>;
      return scan_call<Name, until_its_length<Cell, sizeof...(S), sizeof...(X)>, Axis, Reverse>(
          s, ScannedTensors<Index, X...>{}, HeldTensors<N, H...>{});
    }
  }
}
// Without held tensors.
template <text Name, class Cell, int Axis, bool Reverse, class... S, class... X, class N>
consteval auto scan_call(InitialStates<S...> s, ScannedTensors<X...> x, RowLengths<N> n) {
  return scan_call<Name, Cell, Axis, Reverse>(s, x, HeldTensors<>{}, n);
}
template <text Name, class Cell, int Axis, bool Reverse, class... S, class... X>
consteval auto scan_call(InitialStates<S...> s, ScannedTensors<X...> x) {
  return scan_call<Name, Cell, Axis, Reverse>(s, x, HeldTensors<>{});
}

template <text Name, class Cell, int Axis, bool Reverse, class... Groups>
using scanned = typename decltype(scan_call<Name, Cell, Axis, Reverse>(Groups{}...))::type;

}  // namespace detail

// Axis: of the steps, in scanned tensors and stacked outputs. Reverse: the last step comes first.
// Parameters are "Name.weight" and so on, the same at every step.
template <text Name, class Cell, int Axis = 1, bool Reverse = false>
struct scan {
  template <class... Groups>
    requires fine<detail::scanned<Name, Cell, Axis, Reverse, Groups...>>
  constexpr detail::scanned<Name, Cell, Axis, Reverse, Groups...> operator()(Groups...) const {
    return {};
  }
  template <class... Groups>
    requires(!fine<detail::scanned<Name, Cell, Axis, Reverse, Groups...>>)
  refused<detail::scanned<Name, Cell, Axis, Reverse, Groups...>> operator()(Groups...) const;
};

}  // namespace heed
