// Matrix product and convolution.
#pragma once
#include "heed/dsl/graph/rules/scalar.h"

namespace heed::graph {

constexpr Inferred infer_matmul(const TensorType& a, const TensorType& b) {
  Inferred r{a};
  r.problem = check_same(a.dtype, b.dtype);
  if (!r.problem) r.problem = check_float(a.dtype);
  for (const TensorType* x : {&a, &b})
    if (!r.problem && x->shape.rank < 2)
      r.problem = problem(message::rank_too_small, Dim(x->shape.rank), Dim(2));
  if (r.problem) return r;
  const Dim &k = a.shape[-1], &other = b.shape[-2];
  if (!(k == other)) {
    r.problem = problem(message::inner_dimensions_differ, k, other);
    return r;
  }
  Shape batch = a.shape, batch_of_b = b.shape;
  batch.rank -= 2;
  batch_of_b.rank -= 2;
  r.problem = broadcast_with(batch, batch_of_b);
  if (r.problem) r.problem.sentence = message::batch_dimensions_differ;
  batch.append(a.shape[-2]);
  batch.append(b.shape[-1]);
  r.type.shape = batch;
  return r;
}

// x: [batch, channels, height, width], w: [outputs, channels / groups, kernel height, kernel width]
constexpr Inferred infer_conv2d(const TensorType& x, const TensorType& w, const Attributes& with) {
  std::int64_t stride = with.ints[0], padding = with.ints[1];
  std::int64_t dilation = with.ints[2], groups = with.ints[3];
  Inferred r{x};
  r.problem = check_same(x.dtype, w.dtype);
  if (!r.problem) r.problem = check_float(x.dtype);
  for (const TensorType* t : {&x, &w})
    if (!r.problem && t->shape.rank != 4)
      r.problem = problem(message::rank_differs, Dim(t->shape.rank), Dim(4));
  if (!r.problem) r.problem = check_static(w.shape);
  if (r.problem) return r;
  const Dim &channels = x.shape[1], &outputs = w.shape[0];
  if (!channels.is_static()) r.problem = problem(message::channels_not_static, channels);
  else if (stride < 1 || dilation < 1)
    r.problem = problem(message::step_not_positive, Dim(stride < dilation ? stride : dilation));
  else if (padding < 0) r.problem = problem(message::negative_padding, Dim(padding));
  else if (groups < 1 || channels.constant % groups)
    r.problem = problem(message::groups_do_not_divide, Dim(groups), channels);
  else if (outputs.constant % groups)
    r.problem = problem(message::groups_do_not_divide, Dim(groups), outputs);
  else if (channels.constant / groups != w.shape[1].constant)
    r.problem = problem(message::channels_differ, channels / groups, w.shape[1]);
  if (r.problem) return r;
  r.type.shape[1] = outputs;
  for (int i = 2; i < 4; ++i) {
    Dim image = x.shape[i] + Dim(2) * Dim(padding);
    Dim reach = Dim(dilation) * (w.shape[i] - Dim(1)) + Dim(1);
    Dim room = image - reach;
    if (!r.problem && room.is_static() && room.constant < 0)
      r.problem = problem(message::kernel_too_large, reach, image);
    r.type.shape[i] = floor_div(room, stride) + Dim(1);
  }
  if (!r.problem) r.problem = check_shape(r.type.shape);
  return r;
}

}  // namespace heed::graph
