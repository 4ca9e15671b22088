// Ops that move elements without computing.
#pragma once
#include "heed/dsl/graph/rules/scalar.h"
#include "heed/dsl/graph/rules/sliding.h"

namespace heed::graph {

// Equal element counts. Dimensions found on both sides cancel first, so that the products which are
// compared stay small enough to be represented.
constexpr Problem check_same_elements(const Shape& from, const Shape& to) {
  bool taken[max_rank]{};
  Dim left(1), right(1);
  for (int i = 0; i < from.rank; ++i) {
    int j = 0;
    while (j < to.rank && (taken[j] || !(from.dims[i] == to.dims[j]))) ++j;
    if (j < to.rank) taken[j] = true;
    else left = left * from.dims[i];
  }
  for (int j = 0; j < to.rank; ++j)
    if (!taken[j]) right = right * to.dims[j];
  if (left.invalid || right.invalid) return problem(message::dimension_too_complex);
  if (!(left == right)) return problem(message::element_counts_differ, left, right);
  return no_problem;
}

constexpr Inferred infer_reshape(const TensorType& x, const Shape& to) {
  Inferred r{{x.dtype, to}};
  r.problem = check_shape(to);
  if (!r.problem) r.problem = check_same_elements(x.shape, to);
  return r;
}

constexpr Inferred infer_broadcast(const TensorType& x, const Shape& to) {
  Inferred r{{x.dtype, to}};
  r.problem = check_shape(to);
  if (r.problem) return r;
  int gap = to.rank - x.shape.rank;
  if (gap < 0) {
    r.problem = problem(message::rank_too_small, Dim(to.rank), Dim(x.shape.rank));
    return r;
  }
  for (int i = 0; i < x.shape.rank && !r.problem; ++i) {
    const Dim& d = x.shape.dims[i];
    if (!(d == Dim(1)) && !(d == to.dims[i + gap]))
      r.problem = problem(message::cannot_broadcast, d, to.dims[i + gap]);
  }
  return r;
}

constexpr Inferred infer_permute(const TensorType& x, const Attributes& with) {
  Inferred r{x};
  if (with.int_count != x.shape.rank) {
    r.problem = problem(message::rank_differs, Dim(with.int_count), Dim(x.shape.rank));
    return r;
  }
  bool taken[max_rank]{};
  for (int i = 0; i < x.shape.rank; ++i) {
    std::int64_t axis = with.ints[i];
    if (axis < 0 || axis >= x.shape.rank || taken[axis]) {
      r.problem = problem(message::not_a_permutation);
      return r;
    }
    taken[axis] = true;
    r.type.shape.dims[i] = x.shape.dims[axis];
  }
  return r;
}

// Where a bound is symbolic, only what is certainly wrong is refused; the rest is a guard at run
// time.
constexpr Inferred infer_slice(const TensorType& x, const Attributes& with) {
  Inferred r{x};
  r.problem = check_axis(with.ints[0], x.shape.rank);
  if (r.problem) return r;
  Dim& size = r.type.shape.dims[with.ints[0]];
  const Dim &begin = with.dims[0], &end = with.dims[1];
  Dim after = size - end;
  if (begin.is_static() && begin.constant < 0)
    r.problem = problem(message::slice_out_of_range, begin, size);
  else if (after.is_static() && after.constant < 0)
    r.problem = problem(message::slice_out_of_range, end, size);
  size = end - begin;
  if (!r.problem) r.problem = check_shape(r.type.shape);
  return r;
}

constexpr Inferred infer_pad(const TensorType& x, const Attributes& with) {
  Inferred r{x};
  r.problem = check_axis(with.ints[0], x.shape.rank);
  if (r.problem) return r;
  for (int i = 0; i < 2 && !r.problem; ++i)
    if (with.dims[i].is_static() && with.dims[i].constant < 0)
      r.problem = problem(message::negative_padding, with.dims[i]);
  Dim& size = r.type.shape.dims[with.ints[0]];
  size = size + with.dims[0] + with.dims[1];
  if (!r.problem && x.dtype == DType::boolean) r.problem = problem(message::needs_number, x.dtype);
  if (!r.problem) r.problem = check_shape(r.type.shape);
  return r;
}

constexpr Inferred infer_roll(const TensorType& x, const Attributes& with) {
  return {x, check_axis(with.ints[0], x.shape.rank)};
}

constexpr Inferred infer_concat(const Operands& xs, const Attributes& with) {
  Inferred r{xs[0]};
  r.problem = check_axis(with.ints[0], xs[0].shape.rank);
  for (int k = 1; k < xs.count && !r.problem; ++k) {
    const Shape& other = xs[k].shape;
    r.problem = check_same(xs[0].dtype, xs[k].dtype);
    if (!r.problem && other.rank != xs[0].shape.rank)
      r.problem = problem(message::rank_differs, Dim(xs[0].shape.rank), Dim(other.rank));
    for (int i = 0; i < other.rank && !r.problem; ++i) {
      Dim& size = r.type.shape.dims[i];
      if (i == with.ints[0]) size = size + other.dims[i];
      else if (!(size == other.dims[i]))
        r.problem = problem(message::dimensions_differ, size, other.dims[i]);
    }
  }
  if (!r.problem) r.problem = check_shape(r.type.shape);
  return r;
}

constexpr Inferred infer_window(const TensorType& x, const Attributes& with) {
  const std::int64_t axis = with.ints[0], size = with.ints[1], stride = with.ints[2],
                     dilation = with.ints[3];
  const std::int64_t before = with.ints[4], after = with.ints[5];
  Inferred r{x, check_number(x.dtype)};
  if (!r.problem) r.problem = check_axis(axis, x.shape.rank);
  if (!r.problem && x.shape.rank == max_rank)
    r.problem = problem(message::rank_too_large, Dim(max_rank + 1), Dim(max_rank));
  if (!r.problem) r.problem = check_steps(stride, dilation, before, after);
  if (!r.problem && size < 1) r.problem = problem(message::dimension_not_positive, Dim(size));
  if (r.problem) return r;
  r.problem = slide(r.type.shape.dims[axis], x.shape.dims[axis] + Dim(before) + Dim(after),
                    Dim(size), stride, dilation);
  r.type.shape.append(Dim(size));
  if (!r.problem) r.problem = check_shape(r.type.shape);
  return r;
}

}  // namespace heed::graph
