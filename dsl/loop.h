// Decoding: loop<"write", body, limit>(states(token, cache), held(memory)) runs a body until it
// says that it is done, or `limit` times. The body is a module that takes the states and the held
// tensors and returns the next states, its outputs, and last a bool tensor: the turn in which none
// of it is true is the last one. Rows of a batch end at different times by flags among the states.
// The loop's values are the last states, the outputs of all turns, stacked along an axis of `limit`
// and 0 behind the last turn, and the number of turns, a scalar i64.
#pragma once
#include "heed/dsl/scan.h"

namespace heed {

namespace ops {
template <text Name, class Body, Dim Limit, int Axis, std::size_t States>
struct loop : op<OpCode::loop> {
  static constexpr const char* name = literal<Name>.chars;
  static constexpr std::int64_t ints[] = {States, Axis};
  static constexpr Dim dims[] = {Limit};
};
}  // namespace ops

namespace detail {

template <Dim Limit>
struct TurnsAtMost {
  static constexpr Dim value = Limit;
};
template <class Going>
struct GoingCheck {
  static constexpr DType found = type_of<Going>.dtype;
  static constexpr graph::Inferred inferred{{},
                                            found == DType::boolean
                                                ? graph::no_problem
                                                : graph::problem(message::last_is_no_bool, found)};
};

// The value of a loop whose body returns Roots, of them J outputs.
template <text Name, class Op, int Axis, class Limit, class Roots, class... S, class... H,
          std::size_t... I, std::size_t... J>
consteval auto loop_value(InitialStates<S...>, HeldTensors<H...>, std::index_sequence<I...>,
                          std::index_sequence<J...>) {
  constexpr std::size_t n = sizeof...(S);
  using Going = root_type<n + sizeof...(J), Roots>;
  using Refusal =
      typename decltype(first_refusal<
                        Judged<loop_word, Name, GoingCheck<Going>, Going>,
                        Judged<loop_word, Name, StateCheck<typename S::type, root_type<I, Roots>>,
                               typename S::type, root_type<I, Roots>>...,
                        Judged<loop_word, Name, StackedOver<root_type<n + J, Roots>, Axis, Limit>,
                               root_type<n + J, Roots>>...,
                        Accepted>())::type;
  if constexpr (!std::is_void_v<Refusal>) return std::type_identity<Refusal>{};
  else
    return std::type_identity<typename CallValue<
        n + sizeof...(J) == 0, Op,
        parts<S..., of_type<tensor_from<StackedOver<root_type<n + J, Roots>, Axis, Limit>>>...,
              of_type<tensor<i64>>>,
        S..., H...>::type>{};
}

template <text Name, class Body, Dim Limit, int Axis, class... S, class... H>
consteval auto loop_call(InitialStates<S...> initial, HeldTensors<H...> held = {}) {
  if constexpr (!((expression<S> && ...) && (expression<H> && ...)))
    return first_error<S..., H...>();
  else if constexpr (!fits_a_body<S..., H...>)
    return std::type_identity<error<text("loop"), Refusal<message::split_this_body>, Name>>{};
  else {
    using Called =
        typename decltype(call<Name, Body, ops::call<Name, Body, false>,
                               of_type<typename S::type>..., of_type<typename H::type>...>())::type;
    if constexpr (!expression<Called> && !is_parts<Called>) return std::type_identity<Called>{};
    else {
      using Roots = typename returned<Body, typename S::type..., typename H::type...>::roots;
      constexpr std::size_t results = std::tuple_size_v<Roots>, n = sizeof...(S);
      if constexpr (results <= n)
        return std::type_identity<
            error<text("loop"), Refusal<message::fewer_results_than_states>, Name>>{};
      else
        return loop_value<Name, ops::loop<Name, Body, Limit, Axis, n>, Axis, TurnsAtMost<Limit>,
                          Roots>(initial, held, std::make_index_sequence<n>{},
                                 std::make_index_sequence<results - n - 1>{});
    }
  }
}

template <text Name, class Body, Dim Limit, int Axis, class... Groups>
using looped = typename decltype(loop_call<Name, Body, Limit, Axis>(Groups{}...))::type;

}  // namespace detail

// Limit: of the turns, at least 1, such as the capacity of a cache. Axis: of the turns, in stacked
// outputs. Parameters are "Name.weight" and so on, the same in every turn.
template <text Name, class Body, Dim Limit, int Axis = 1>
struct loop {
  template <class... Groups>
    requires fine<detail::looped<Name, Body, Limit, Axis, Groups...>>
  constexpr detail::looped<Name, Body, Limit, Axis, Groups...> operator()(Groups...) const {
    return {};
  }
  template <class... Groups>
    requires(!fine<detail::looped<Name, Body, Limit, Axis, Groups...>>)
  refused<detail::looped<Name, Body, Limit, Axis, Groups...>> operator()(Groups...) const;
};

}  // namespace heed
