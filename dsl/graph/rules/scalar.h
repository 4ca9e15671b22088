// Elementwise ops: numpy broadcasting, equal dtypes (a conversion is always written as a cast).
#pragma once
#include "heed/dsl/graph/rules/problem.h"

namespace heed::graph {

// shape becomes the broadcast of shape and other.
constexpr Problem broadcast_with(Shape& shape, const Shape& other) {
  if (shape == other) return no_problem;
  int rank = shape.rank > other.rank ? shape.rank : other.rank, gap = rank - shape.rank;
  for (int i = shape.rank - 1; gap && i >= 0; --i) shape.dims[i + gap] = shape.dims[i];
  for (int i = 0; i < gap; ++i) shape.dims[i] = Dim(1);
  shape.rank = rank;
  for (int i = rank - other.rank; i < rank; ++i) {
    Dim& mine = shape.dims[i];
    const Dim& its = other.dims[i - (rank - other.rank)];
    if (mine == its || its == Dim(1)) continue;
    if (!(mine == Dim(1))) return problem(message::cannot_broadcast, mine, its);
    mine = its;
  }
  return no_problem;
}

constexpr Inferred infer_unary(OpCode op, const TensorType& x) {
  Inferred r{x};
  if (op == OpCode::logical_not) {
    if (x.dtype != DType::boolean) r.problem = problem(message::needs_bool, x.dtype);
  } else if (op == OpCode::neg || op == OpCode::abs) {
    r.problem = check_number(x.dtype);
  } else {
    r.problem = check_float(x.dtype);
  }
  return r;
}

constexpr Inferred infer_binary(OpCode op, const TensorType& a, const TensorType& b) {
  Inferred r{a};
  r.problem = check_same(a.dtype, b.dtype);
  if (r.problem) return r;
  if (op == OpCode::pow) {
    r.problem = check_float(a.dtype);
  } else if (op == OpCode::logical_and || op == OpCode::logical_or) {
    if (a.dtype != DType::boolean) r.problem = problem(message::needs_bool, a.dtype);
  } else if (op != OpCode::eq && op != OpCode::ne) {
    r.problem = check_number(a.dtype);
  }
  if (r.problem) return r;
  r.problem = broadcast_with(r.type.shape, b.shape);
  if (op >= OpCode::eq && op <= OpCode::logical_or) r.type.dtype = DType::boolean;
  return r;
}

constexpr Inferred infer_where(const TensorType& condition, const TensorType& a,
                               const TensorType& b) {
  Inferred r{a};
  if (condition.dtype != DType::boolean) r.problem = problem(message::needs_bool, condition.dtype);
  if (!r.problem) r.problem = check_same(a.dtype, b.dtype);
  if (!r.problem) r.problem = broadcast_with(r.type.shape, b.shape);
  if (!r.problem) r.problem = broadcast_with(r.type.shape, condition.shape);
  return r;
}

// Counters and seed broadcast like operands of arithmetic; the result's dtype is declared.
constexpr Inferred infer_random(const Operands& xs, DType declared) {
  Inferred r{xs[0]};
  if (declared != DType::f32 && declared != DType::i32)
    r.problem = problem(message::random_of_another_type, declared);
  for (int i = 0; i < 3 && !r.problem; ++i) {
    r.problem = check_index(xs[i].dtype);
    if (!r.problem) r.problem = check_same(xs[0].dtype, xs[i].dtype);
    if (!r.problem) r.problem = broadcast_with(r.type.shape, xs[i].shape);
  }
  r.type.dtype = declared;
  return r;
}

}  // namespace heed::graph
