// Modules: structs with named submodules and `constexpr auto operator()(expression auto...) const`.
// A call is one node, however large the module; the body is compiled once for each signature of
// tensor types.
#pragma once
#include <boost/hana/fold_left.hpp>

#include "heed/dsl/parts.h"
#include "heed/dsl/scalar.h"

namespace heed {

// ---- leaves of a body ---------------------------------------------------------------------------

namespace ops {
template <int Index>
struct input : op<OpCode::input> {
  static constexpr std::int64_t ints[] = {Index};
  static constexpr graph::Attributes with{ints, 1};
};
template <text Name, class T, bool Tied = false>
struct parameter : op<OpCode::parameter> {
  static constexpr const char* name = literal<Name>.chars;
  static constexpr bool tied = Tied;
  static constexpr const TensorType& declared = type_of<T>;
};
template <text Name, class T, class Filler>
struct buffer : op<OpCode::buffer> {
  static constexpr const char* name = literal<Name>.chars;
  static constexpr const TensorType& declared = type_of<T>;
};
template <text Name, class M, bool Tied>
struct call : op<OpCode::call> {
  static constexpr const char* name = literal<Name>.chars;
  static constexpr bool tied = Tied;
};
template <text Name, std::int64_t Times, class M>
struct repeat : op<OpCode::repeat> {
  static constexpr const char* name = literal<Name>.chars;
  static constexpr std::int64_t times = Times;
};
template <std::size_t Index>
struct result_of {};  // one result of a call that has several
}  // namespace ops

namespace detail {
// A value that stands for itself; of an error only a declaration, which serves to show it where it
// is used.
template <class E>
struct Leaf {
  static const E value;
};
template <fine E>
struct Leaf<E> {
  static constexpr E value{};
};
}  // namespace detail

// A trained tensor: param<"weight", tensor<f32, 768, 768>>.
template <text Name, class T>
inline constexpr const auto& param = detail::Leaf<applied<ops::parameter<Name, T>>>::value;

// A tensor that is computed, not trained: Filler::fill(std::span<float>) writes its elements.
template <text Name, class T, class Filler>
inline constexpr const auto& buffer = detail::Leaf<applied<ops::buffer<Name, T, Filler>>>::value;

// ---- bodies -------------------------------------------------------------------------------------

namespace detail {

// What a module returns for given tensor types. Keyed by types alone, so that every call site
// shares it.
template <class M, class... T>
struct Body {
  template <std::size_t... I>
  static constexpr auto run(std::index_sequence<I...>)
      -> decltype(std::declval<const M&>()(expr<ops::input<int(I)>, T>{}...));
  using Indices = std::index_sequence_for<T...>;
  static constexpr bool callable = requires { run(Indices{}); };
};

template <class R>
struct Returned {  // not an expression
  static constexpr bool ok = false;
};
template <expression E>
struct Returned<E> {
  static constexpr bool ok = true, single = true;
  using roots = parts<E>;
};
template <class... E>
struct Returned<parts<E...>> {
  static constexpr bool ok = sizeof...(E) > 0 && (expression<settled<E>> && ...), single = false;
  using roots = parts<settled<E>...>;
};
template <class... E>
struct Returned<hana::tuple<E...>> : Returned<parts<E...>> {};
template <class R>
  requires is_weak<R>
struct Returned<R> : Returned<settled<R>> {};

template <class M, class... T>
using returned = Returned<decltype(Body<M, T...>::run(std::index_sequence_for<T...>{}))>;

template <class... T>
struct types {};  // type of a call with several results

template <class T>
inline constexpr bool is_parts = false;
template <class... E>
inline constexpr bool is_parts<parts<E...>> = true;

// The type that a repeated block carries on; none where it has several results.
template <class R>
struct Carried {
  using type = tensor<f32>;
};
template <expression E>
struct Carried<E> {
  using type = typename E::type;
};

// The value of a call, from its result expressions.
template <bool Single, class Op, class Roots, class... A>
struct CallValue;
template <class Op, class E, class... A>
struct CallValue<true, Op, parts<E>, A...> {
  using type = expr<Op, typename E::type, A...>;
};
template <class Op, class... E, class... A>
struct CallValue<false, Op, parts<E...>, A...> {
  using call = expr<Op, types<typename E::type...>, A...>;
  template <std::size_t... I>
  static auto all(std::index_sequence<I...>)
      -> parts<expr<ops::result_of<I>, typename E::type, call>...>;
  using type = decltype(all(std::index_sequence_for<E...>{}));
};

// A module may judge its inputs itself, so that the error stands at the call and names the
// parameter concerned: `static constexpr graph::Problem check(const TensorType&...)`.
template <class M, class... T>
struct Checked {
  static constexpr graph::Inferred inferred = [] {
    if constexpr (requires { M::check(type_of<T>...); })
      return graph::Inferred{{}, M::check(type_of<T>...)};
    else return graph::Inferred{};
  }();
};

template <text Name, class M, class Op, class... E>
consteval auto call() {
  using Check = Checked<M, typename E::type...>;
  constexpr text who = name_of_class<M>;
  if constexpr (Check::inferred.problem)
    return std::type_identity<error<who, Check, Name, shape_text<typename E::type>...>>{};
  else if constexpr (!fits_a_body<E...>)
    return std::type_identity<error<who, Refusal<message::split_this_body>, Name>>{};
  else if constexpr (!Body<M, typename E::type...>::callable)
    return std::type_identity<error<who, Refusal<message::wrong_input_count>, Name>>{};
  else {
    using R = returned<M, typename E::type...>;
    if constexpr (!R::ok)
      return std::type_identity<error<who, Refusal<message::returns_no_tensor>, Name>>{};
    else
      return std::type_identity<typename CallValue<R::single, Op, typename R::roots, E...>::type>{};
  }
}
template <text Name, class M, class Op, class... E>
consteval auto call_settled() {
  if constexpr ((expression<E> && ...)) return call<Name, M, Op, E...>();
  else return first_error<E...>();
}

// A block that is repeated carries its first input: what it returns must have that type.
template <text Name, std::int64_t Times, class M, class X, class... E>
consteval auto repeat() {
  using Once = decltype(call_settled<Name, M, ops::repeat<Name, Times, M>, X, E...>());
  using R = typename Once::type;
  if constexpr (!expression<R> && !is_parts<R>) return Once{};
  else if constexpr (std::is_same_v<typename Carried<R>::type, typename X::type>) return Once{};
  else
    return std::type_identity<
        error<text("repeat"), Refusal<message::must_keep_its_type>, Name,
              shape_text<typename X::type>, shape_text<typename Carried<R>::type>>>{};
}

template <text Name, class M, bool Tied, class... A>
using called =
    typename decltype(call_settled<Name, M, ops::call<Name, M, Tied>, settled<A>...>())::type;
template <text Name, std::int64_t Times, class M, class X, class... A>
using repeated = typename decltype(repeat<Name, Times, M, settled<X>, settled<A>...>())::type;

}  // namespace detail

// A named submodule; its parameters are "name.weight" and so on. An empty name adds nothing.
template <text Name, class M>
struct sub {
  template <operand... A>
    requires fine<detail::called<Name, M, false, A...>>
  constexpr detail::called<Name, M, false, A...> operator()(A...) const { return {}; }
  template <operand... A>
    requires(!fine<detail::called<Name, M, false, A...>>)
  refused<detail::called<Name, M, false, A...>> operator()(A...) const;
};

// Times blocks of one kind in a row, with parameters "name.0.", "name.1." and so on. The first
// input goes through all of them, the others reach each block unchanged.
template <text Name, std::int64_t Times, class M>
struct repeat {
  static_assert(Times > 0);
  template <operand X, operand... A>
    requires fine<detail::repeated<Name, Times, M, X, A...>>
  constexpr detail::repeated<Name, Times, M, X, A...> operator()(X, A...) const { return {}; }
  template <operand X, operand... A>
    requires(!fine<detail::repeated<Name, Times, M, X, A...>>)
  refused<detail::repeated<Name, Times, M, X, A...>> operator()(X, A...) const;
};

// Layers of different kinds in a row: chain<sub<"0", linear<768, 64>>, sub<"1", layer_norm<64>>>.
namespace detail {
// One step of the fold, on types: an error goes through to the end, where the user calls the chain.
struct Then {
  template <class T, class Layer>
  constexpr auto operator()(std::type_identity<T>, const Layer& layer) const {
    if constexpr (is_error<T>) return std::type_identity<T>{};
    else return std::type_identity<decltype(layer(std::declval<T>()))>{};
  }
};
template <class X, class... Layers>
using chained = typename decltype(hana::fold_left(hana::tuple<Layers...>{}, std::type_identity<X>{},
                                                  Then{}))::type;
}  // namespace detail

template <class... Layers>
struct chain {
  template <operand X>
    requires fine<detail::chained<X, Layers...>>
  constexpr detail::chained<X, Layers...> operator()(X) const { return {}; }
  template <operand X>
  refused<detail::chained<X, Layers...>> operator()(X) const;
};

// The name of one of several, "blocks.3" of numbered<"blocks.", 3>: for layers in a row that are
// not all alike.
namespace detail {
template <text Prefix, std::int64_t N>
struct Numbered {
  static constexpr void print(CharBuffer& b) {
    b(Prefix);
    print_number(N, [&](char c) { b(c); });
  }
};
}  // namespace detail
template <text Prefix, std::int64_t N>
inline constexpr auto numbered = detail::printed<detail::Numbered<Prefix, N>>();

// A second use of something that the same body declares: weights are shared only where it is said.
// tied<"embed.weight", tensor<f32, V, D>> is a parameter, tied<"norm", layer_norm<D>>(x) a call.
namespace detail {
template <text Name, class M>
struct TiedModule {
  template <operand... A>
    requires fine<called<Name, M, true, A...>>
  constexpr called<Name, M, true, A...> operator()(A...) const { return {}; }
  template <operand... A>
    requires(!fine<called<Name, M, true, A...>>)
  refused<called<Name, M, true, A...>> operator()(A...) const;
};
template <text Name, class What>
struct Tied : Leaf<TiedModule<Name, What>> {};
template <text Name, DType Element, auto... Dims>
struct Tied<Name, tensor_type<Element, Dims...>>
    : Leaf<applied<ops::parameter<Name, tensor_type<Element, Dims...>, true>>> {};
}  // namespace detail
template <text Name, class What>
inline constexpr const auto& tied = detail::Tied<Name, What>::value;

}  // namespace heed
