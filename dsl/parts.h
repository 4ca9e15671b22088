// Several values: what split() gives and what a module with several outputs returns. Opens by
// structured bindings, `auto [q, k, v] = ...`; `items` is a Hana tuple, for whoever folds over
// them.
#pragma once
#include <boost/hana/at.hpp>
#include <boost/hana/tuple.hpp>
#include <tuple>

#include "heed/dsl/expression.h"

namespace heed {

namespace hana = boost::hana;

template <class... E>
struct parts {
  hana::tuple<E...> items;
  constexpr parts() = default;
  template <class... Given>
    requires(sizeof...(Given) == sizeof...(E) && sizeof...(E) > 0)
  constexpr parts(Given...) {}
  template <std::size_t I>
  constexpr auto get() const { return hana::at_c<I>(items); }
};
template <class... E>
parts(E...) -> parts<E...>;

}  // namespace heed

template <class... E>
struct std::tuple_size<heed::parts<E...>> : std::integral_constant<std::size_t, sizeof...(E)> {};
template <std::size_t I, class... E>
struct std::tuple_element<I, heed::parts<E...>> : std::tuple_element<I, std::tuple<E...>> {};
