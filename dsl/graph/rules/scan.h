// Rules of a recurrence: what a step sees of a scanned tensor, and what its outputs become.
#pragma once
#include "heed/dsl/graph/rules/problem.h"

namespace heed::graph {

// Last result of a loop: how many turns it took.
inline constexpr TensorType turn_count{DType::i64, {}};

// x without its axis of `steps` elements.
constexpr Inferred infer_step(const TensorType& x, std::int64_t axis, const Dim& steps) {
  Inferred r{x, check_axis(axis, x.shape.rank)};
  if (r.problem) return r;
  if (!(x.shape.dims[axis] == steps))
    r.problem = problem(message::steps_differ, steps, x.shape.dims[axis]);
  Shape& shape = r.type.shape;
  for (int i = int(axis); i + 1 < shape.rank; ++i) shape.dims[i] = shape.dims[i + 1];
  shape.dims[--shape.rank] = Dim();
  return r;
}

// y of one step, for all steps: with an axis more.
constexpr Inferred infer_stacked(const TensorType& y, std::int64_t axis, const Dim& steps) {
  Inferred r{y, check_axis(axis, y.shape.rank + 1)};
  if (!r.problem && y.shape.rank == max_rank)
    r.problem = problem(message::rank_too_large, Dim(max_rank + 1), Dim(max_rank));
  if (r.problem) return r;
  Shape& shape = r.type.shape;
  for (int i = shape.rank++; i > axis; --i) shape.dims[i] = shape.dims[i - 1];
  shape.dims[axis] = steps;
  return r;
}

}  // namespace heed::graph
