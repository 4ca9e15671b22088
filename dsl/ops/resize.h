// Images [batch, channels, height, width] at other sizes, which may be symbolic: interpolation
// (torch: align_corners off) and adaptive average pooling. Along each axis a row of weights says
// what a new cell takes of the old ones; the weights are computed from positions in whole numbers,
// so that no cell is missed by rounding.
#pragma once
#include "heed/dsl/ops/activation.h"
#include "heed/dsl/ops/arithmetic.h"
#include "heed/dsl/ops/gather.h"
#include "heed/dsl/ops/layout.h"
#include "heed/dsl/ops/logic.h"
#include "heed/dsl/ops/matmul.h"

namespace heed {

namespace detail {

template <class T>
struct NoImage {
  static constexpr int rank = type_of<T>.shape.rank;
  static constexpr graph::Inferred inferred{
      {},
      rank == 4 ? graph::check_float(type_of<T>.dtype)
                : graph::problem(message::rank_differs, Dim(rank), Dim(4))};
};
template <text Who, class X>
consteval auto image_or_error() {
  using E = settled<X>;
  if constexpr (!expression<E>) return std::type_identity<E>{};
  else if constexpr (NoImage<typename E::type>::inferred.problem)
    return std::type_identity<
        error<Who, NoImage<typename E::type>, shape_text<typename E::type>>>{};
  else return std::type_identity<E>{};
}
template <text Who, class X>
using image = typename decltype(image_or_error<Who, X>())::type;

// Cell o lies at ((2 o + 1) In - Out) / (2 Out) among the old ones, its two neighbours share it by
// distance.
template <DType Element, Dim Out, Dim In>
constexpr auto bilinear_weights() {
  auto unit = extent<Out>() * scalar<2>;
  auto at = (position<-2>() * scalar<2> + scalar<1>) * extent<In>() - extent<Out>();
  auto inside = minimum(maximum(at, scalar<0>), (extent<In>() - scalar<1>) * unit);
  auto distance = cast<Element>(abs(inside - position<-1>() * unit)) / cast<Element>(unit);
  return broadcast_to<Out, In>(maximum(scalar<1> - distance, scalar<0>));
}
// Cell o is the mean of the old ones from ⌊o In / Out⌋ to ⌈(o + 1) In / Out⌉.
template <DType Element, Dim Out, Dim In>
constexpr auto averaging_weights() {
  auto first = position<-2>() * extent<In>() / extent<Out>();
  auto last =
      ((position<-2>() + scalar<1>)*extent<In>() + extent<Out>() - scalar<1>) / extent<Out>();
  auto member = position<-1>() >= first && position<-1>() < last;
  return broadcast_to<Out, In>(where(member, scalar<1> / cast<Element>(last - first), scalar<0>));
}
// Rows of weights [new, old] along the height, then along the width.
constexpr auto mixed(auto x, auto along_height, auto along_width) {
  return matmul(matmul(along_height, x), transpose(along_width));
}
// How often each old cell stands beside itself; 0 where that is not the same for all, or not known.
constexpr std::int64_t times_repeated(const Dim& out, const Dim& in) {
  auto times = divide_exact(out, in);
  return times && times->is_static() ? times->constant : 0;
}
// Which of a channel's cells, read one after another, is the nearest to each new one.
template <Dim Height, Dim Width, Dim OldHeight, Dim OldWidth>
constexpr auto nearest_cells() {
  auto row = position<-2>() * extent<OldHeight>() / extent<Height>();
  auto column = position<-1>() * extent<OldWidth>() / extent<Width>();
  return broadcast_to<Height, Width>(row * extent<OldWidth>() + column);
}

}  // namespace detail

template <Dim Height, Dim Width, operand X>
  requires fine<detail::image<"interpolate_bilinear", X>>
constexpr auto interpolate_bilinear(X x) {
  constexpr DType e = dtype_of(x);
  return detail::mixed(x, detail::bilinear_weights<e, Height, size<2>(x)>(),
                       detail::bilinear_weights<e, Width, size<3>(x)>());
}
template <Dim Height, Dim Width, operand X>
refused<detail::image<"interpolate_bilinear", X>> interpolate_bilinear(X);

template <Dim Height, Dim Width, operand X>
  requires fine<detail::image<"adaptive_avg_pool2d", X>>
constexpr auto adaptive_avg_pool2d(X x) {
  constexpr DType e = dtype_of(x);
  return detail::mixed(x, detail::averaging_weights<e, Height, size<2>(x)>(),
                       detail::averaging_weights<e, Width, size<3>(x)>());
}
template <Dim Height, Dim Width, operand X>
refused<detail::image<"adaptive_avg_pool2d", X>> adaptive_avg_pool2d(X);

// Cell o is the old one at ⌊o In / Out⌋.
template <Dim Height, Dim Width, operand X>
  requires fine<detail::image<"interpolate_nearest", X>>
constexpr auto interpolate_nearest(X x) {
  constexpr Dim batch = size<0>(x), channels = size<1>(x), height = size<2>(x), width = size<3>(x);
  constexpr std::int64_t down = detail::times_repeated(Height, height),
                         across = detail::times_repeated(Width, width);
  if constexpr (down > 0 && across > 0) {  // a layout, which costs nothing
    auto cells = reshape<batch, channels, height, 1, width, 1>(x);
    return reshape<batch, channels, Height, Width>(
        broadcast_to<batch, channels, height, down, width, across>(cells));
  } else {
    auto cells = permute<2, 0, 1>(reshape<batch, channels, height * width>(x));
    auto found = gather(cells, detail::nearest_cells<Height, Width, height, width>());
    return permute<2, 3, 0, 1>(found);
  }
}
template <Dim Height, Dim Width, operand X>
refused<detail::image<"interpolate_nearest", X>> interpolate_nearest(X);

}  // namespace heed
