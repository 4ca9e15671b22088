// Tensor types: tensor<f32, B, T, 768>. Dimensions are numbers or symbols (`constexpr dim B{"B"};`)
// and arithmetic on them: 2*T, T/4, H*W. Equal types are the same C++ type, because dimensions are
// canonical.
#pragma once
#include <type_traits>
#include <utility>

#include "heed/dsl/graph/shape.h"
#include "heed/dsl/text.h"

namespace heed {

using dim = Dim;

inline constexpr DType f32 = DType::f32, f16 = DType::f16, bf16 = DType::bf16, i8 = DType::i8,
                       i32 = DType::i32, i64 = DType::i64, boolean = DType::boolean;

// A plain symbol in a type, short to print and to mangle.
template <std::size_t N>
struct symbol {
  char name[N]{};
};

namespace detail {

constexpr std::size_t symbol_length(std::uint64_t key) {
  std::size_t n = 0;
  for (; key; key >>= 8) ++n;
  return n;
}
template <std::size_t N>
constexpr symbol<N> symbol_of(std::uint64_t key) {
  symbol<N> s;
  for (std::size_t i = 0; key; ++i, key >>= 8) s.name[i] = char(key & 255);
  return s;
}
constexpr bool is_plain_symbol(const Dim& d) {
  return d == Dim::symbol(d.terms[0].factors[0].symbol);
}

// A dimension as it stands in a type: a number, a symbol, or a whole Dim for the rest.
template <Dim D>
consteval auto in_type() {
  constexpr std::uint64_t key = D.terms[0].factors[0].symbol;
  if constexpr (D.is_static() && !D.invalid) return D.constant;
  else if constexpr (is_plain_symbol(D)) return symbol_of<symbol_length(key) + 1>(key);
  else return D;
}
template <Dim D>
inline constexpr auto dim_in_type = in_type<D>();

// Back to a Dim.
constexpr Dim to_dim(std::int64_t v) { return Dim(v); }
constexpr Dim to_dim(const Dim& d) { return d; }
template <std::size_t N>
constexpr Dim to_dim(const symbol<N>& s) { return Dim(s.name); }

}  // namespace detail

template <DType Element, auto... Dims>
struct tensor_type {};

// Dimensions as a type, for the arguments of ops.
template <auto... Dims>
struct dims_type {
  static constexpr Dim values[] = {detail::to_dim(Dims)...};
};
template <Dim... Dims>
using dims = dims_type<detail::dim_in_type<Dims>...>;

template <DType Element, Dim... Dims>
  requires(sizeof...(Dims) <= max_rank)
using tensor = tensor_type<Element, detail::dim_in_type<Dims>...>;

// The type as a value.
template <class T>
inline constexpr TensorType type_of;
template <DType Element, auto... Dims>
inline constexpr TensorType type_of<tensor_type<Element, Dims...>>{
    Element, Shape{int(sizeof...(Dims)), {detail::to_dim(Dims)...}}};

namespace detail {

// The value Holder::type as a type.
template <class Holder, class Indices>
struct TypeFrom;
template <class Holder, std::size_t... I>
struct TypeFrom<Holder, std::index_sequence<I...>> {
  using type = tensor_type<Holder::type.dtype, dim_in_type<Holder::type.shape.dims[I]>...>;
};
template <class Holder>
using tensor_from =
    typename TypeFrom<Holder, std::make_index_sequence<std::size_t(Holder::type.shape.rank)>>::type;

template <class T>
struct ShapeText {
  static constexpr void print(CharBuffer& b) { heed::print(type_of<T>.shape, b); }
};

}  // namespace detail

template <class T>
inline constexpr auto shape_text = detail::printed<detail::ShapeText<T>>();

}  // namespace heed
