// Reductions along an axis, and gather.
#pragma once
#include "heed/dsl/graph/rules/problem.h"

namespace heed::graph {

constexpr Inferred infer_softmax(const TensorType& x, const Attributes& with) {
  Inferred r{x, check_float(x.dtype)};
  if (!r.problem) r.problem = check_axis(with.ints[0], x.shape.rank);
  return r;
}

constexpr Inferred infer_reduction(OpCode op, const TensorType& x, const Attributes& with) {
  Inferred r{x, op == OpCode::mean ? check_float(x.dtype) : check_number(x.dtype)};
  if (!r.problem) r.problem = check_axis(with.ints[0], x.shape.rank);
  if (r.problem) return r;
  Shape& shape = r.type.shape;
  if (with.ints[1]) {
    shape.dims[with.ints[0]] = Dim(1);
    return r;
  }
  for (int i = int(with.ints[0]); i + 1 < shape.rank; ++i) shape.dims[i] = shape.dims[i + 1];
  shape.dims[--shape.rank] = Dim();
  return r;
}

// Over the last axis; weight and bias have its length.
constexpr Inferred infer_normalize(const Operands& xs, const Attributes& with) {
  const TensorType& x = xs[0];
  Inferred r{x, check_float(x.dtype)};
  if (!r.problem && x.shape.rank < 1)
    r.problem = problem(message::rank_too_small, Dim(0), Dim(1));
  if (!r.problem && !(with.reals[0] > 0)) r.problem = problem(message::epsilon_not_positive);
  for (int k = 1; k < xs.count && !r.problem; ++k) {
    r.problem = check_same(x.dtype, xs[k].dtype);
    if (!r.problem && xs[k].shape.rank != 1)
      r.problem = problem(message::rank_differs, Dim(xs[k].shape.rank), Dim(1));
    if (!r.problem && !(xs[k].shape[0] == x.shape[-1]))
      r.problem = problem(message::dimensions_differ, xs[k].shape[0], x.shape[-1]);
  }
  return r;
}

// table: [n, ...], indices: [s...] gives [s..., ...]
constexpr Inferred infer_gather(const TensorType& table, const TensorType& indices) {
  Inferred r{{table.dtype, indices.shape}};
  if (Problem index = check_index(indices.dtype)) r.problem = index;
  else if (table.shape.rank < 1)
    r.problem = problem(message::rank_too_small, Dim(0), Dim(1));
  else if (table.shape.rank + indices.shape.rank - 1 > max_rank)
    r.problem = problem(message::rank_too_large,
                        Dim(table.shape.rank + indices.shape.rank - 1), Dim(max_rank));
  if (r.problem) return r;
  for (int i = 1; i < table.shape.rank; ++i) r.type.shape.append(table.shape.dims[i]);
  return r;
}

}  // namespace heed::graph
