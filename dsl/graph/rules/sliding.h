// What convolutions and windows have in common: a kernel that moves along an axis.
#pragma once
#include "heed/dsl/graph/rules/problem.h"

namespace heed::graph {

constexpr Problem check_steps(std::int64_t stride, std::int64_t dilation, std::int64_t before,
                              std::int64_t after) {
  if (stride < 1 || dilation < 1)
    return problem(message::step_not_positive, Dim(stride < dilation ? stride : dilation));
  if (before < 0 || after < 0)
    return problem(message::negative_padding, Dim(before < after ? before : after));
  return no_problem;
}

// places = how often a kernel of `size` taps, `dilation` apart, fits on an axis of `room`, padding
// included.
constexpr Problem slide(Dim& places, const Dim& room, const Dim& size, std::int64_t stride,
                        std::int64_t dilation) {
  const Dim reach = Dim(dilation) * (size - Dim(1)) + Dim(1), spare = room - reach;
  if (spare.is_static() && spare.constant < 0)
    return problem(message::kernel_too_large, reach, room);
  places = floor_div(spare, stride) + Dim(1);
  return no_problem;
}

}  // namespace heed::graph
