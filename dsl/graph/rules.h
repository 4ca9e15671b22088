// The shape and dtype rules of contract 1. The DSL asks them while it compiles, the decoder asks
// them again. One function an op family lies in rules/; infer() dispatches.
#pragma once
#include "heed/dsl/graph/rules/append.h"
#include "heed/dsl/graph/rules/contraction.h"
#include "heed/dsl/graph/rules/layout.h"
#include "heed/dsl/graph/rules/rows.h"
#include "heed/dsl/graph/rules/scalar.h"
#include "heed/dsl/graph/rules/scan.h"

namespace heed::graph {

constexpr bool is_whole(double v) {
  return v >= -9007199254740992.0 && v <= 9007199254740992.0 && double(std::int64_t(v)) == v;
}

// Leaves say their type themselves; it only has to make sense. An input's is the function's to
// check.
constexpr Inferred infer_leaf(OpCode op, const Attributes& with, const TensorType& declared) {
  Inferred r{declared, check_shape(declared.shape)};
  const Shape& shape = declared.shape;
  if (r.problem) return r;
  if (op == OpCode::parameter || op == OpCode::buffer) r.problem = check_static(shape);
  if (op == OpCode::constant || op == OpCode::extent) {
    if (shape.rank) r.problem = problem(message::rank_too_large, Dim(shape.rank), Dim(0));
    if (op == OpCode::constant && !is_float(declared.dtype) && !is_whole(with.reals[0]))
      r.problem = problem(message::needs_whole_number);
    if (op == OpCode::extent && with.dims[0].invalid)
      r.problem = problem(message::dimension_too_complex);
  }
  if (op == OpCode::position) {
    r.problem = check_axis(with.ints[0], shape.rank);
    for (int i = 0; i < shape.rank && !r.problem; ++i)
      if (i != with.ints[0] && !(shape.dims[i] == Dim(1)))
        r.problem = problem(message::dimensions_differ, shape.dims[i], Dim(1));
  }
  if ((op == OpCode::position || op == OpCode::extent) && declared.dtype != DType::i64)
    r.problem = problem(message::dtypes_differ, declared.dtype, DType::i64);
  return r;
}

// Type of a node's result, or why there is none. Operand and attribute counts are as op.h says;
// `declared` is read by leaves, cast, random, reshape and broadcast. call, repeat, scan and loop
// take their types from the callee, not from here.
constexpr Inferred infer(OpCode op, const Operands& xs, const Attributes& with,
                         const TensorType& declared) {
  switch (op) {
    case OpCode::input: case OpCode::parameter: case OpCode::buffer:
    case OpCode::constant: case OpCode::position: case OpCode::extent:
      return infer_leaf(op, with, declared);
    case OpCode::add: case OpCode::sub: case OpCode::mul: case OpCode::div:
    case OpCode::maximum: case OpCode::minimum: case OpCode::pow:
    case OpCode::eq: case OpCode::ne: case OpCode::lt: case OpCode::le: case OpCode::gt:
    case OpCode::ge: case OpCode::logical_and: case OpCode::logical_or:
      return infer_binary(op, xs[0], xs[1]);
    case OpCode::where: return infer_where(xs[0], xs[1], xs[2]);
    case OpCode::cast: return {{declared.dtype, xs[0].shape}};
    case OpCode::random: return infer_random(xs, declared.dtype);
    case OpCode::logical_not: case OpCode::neg: case OpCode::abs: case OpCode::exp:
    case OpCode::log: case OpCode::sqrt: case OpCode::rsqrt: case OpCode::tanh:
    case OpCode::sigmoid: case OpCode::erf: case OpCode::sin: case OpCode::cos:
    case OpCode::relu: case OpCode::gelu: case OpCode::silu:
      return infer_unary(op, xs[0]);
    case OpCode::reshape: return infer_reshape(xs[0], declared.shape);
    case OpCode::broadcast: return infer_broadcast(xs[0], declared.shape);
    case OpCode::permute: return infer_permute(xs[0], with);
    case OpCode::slice: return infer_slice(xs[0], with);
    case OpCode::pad: return infer_pad(xs[0], with);
    case OpCode::roll: return infer_roll(xs[0], with);
    case OpCode::concat: return infer_concat(xs, with);
    case OpCode::window: return infer_window(xs[0], with);
    case OpCode::matmul: return infer_matmul(xs[0], xs[1]);
    case OpCode::conv2d: return infer_convolution<2>(xs[0], xs[1], with);
    case OpCode::conv3d: return infer_convolution<3>(xs[0], xs[1], with);
    case OpCode::softmax: return infer_softmax(xs[0], with);
    case OpCode::normalize: return infer_normalize(xs, with);
    case OpCode::sum: case OpCode::mean: case OpCode::max: case OpCode::min:
      return infer_reduction(op, xs[0], with);
    case OpCode::gather: return infer_gather(xs[0], xs[1]);
    case OpCode::append: return infer_append(xs[0], xs[1], xs[2], with);
    case OpCode::probe: return {xs[0]};
    case OpCode::call: case OpCode::repeat: case OpCode::scan: case OpCode::loop: break;
  }
  return {{}, problem("has no shape rule")};
}

}  // namespace heed::graph
