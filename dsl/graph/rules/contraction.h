// Matrix product and convolution.
#pragma once
#include "heed/dsl/graph/rules/scalar.h"
#include "heed/dsl/graph/rules/sliding.h"

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

// x: [batch, channels, image...], w: [outputs, channels / groups, kernel...] with as many axes of
// an image as Axes. conv2d has one stride, padding and dilation for all of them, others one each.
template <int Axes>
constexpr Inferred infer_convolution(const TensorType& x, const TensorType& w,
                                     const Attributes& with) {
  constexpr int each = Axes == 2 ? 1 : Axes;
  const std::int64_t *strides = with.ints, *paddings = strides + each, *dilations = paddings + each;
  const std::int64_t groups = dilations[each];
  Inferred r{x};
  r.problem = check_same(x.dtype, w.dtype);
  if (!r.problem) r.problem = check_float(x.dtype);
  for (const TensorType* t : {&x, &w})
    if (!r.problem && t->shape.rank != Axes + 2)
      r.problem = problem(message::rank_differs, Dim(t->shape.rank), Dim(Axes + 2));
  if (!r.problem) r.problem = check_static(w.shape);
  if (r.problem) return r;
  const Dim &channels = x.shape[1], &outputs = w.shape[0];
  if (!channels.is_static()) r.problem = problem(message::channels_not_static, channels);
  for (int i = 0; i < each && !r.problem; ++i)
    r.problem = check_steps(strides[i], dilations[i], paddings[i], paddings[i]);
  if (r.problem) return r;
  if (groups < 1 || channels.constant % groups)
    r.problem = problem(message::groups_do_not_divide, Dim(groups), channels);
  else if (outputs.constant % groups)
    r.problem = problem(message::groups_do_not_divide, Dim(groups), outputs);
  else if (channels.constant / groups != w.shape[1].constant)
    r.problem = problem(message::channels_differ, channels / groups, w.shape[1]);
  if (r.problem) return r;
  r.type.shape[1] = outputs;
  for (int axis = 0; axis < Axes && !r.problem; ++axis) {
    const int i = each == 1 ? 0 : axis;
    Dim image = x.shape[axis + 2] + Dim(2) * Dim(paddings[i]);
    r.problem = slide(r.type.shape[axis + 2], image, w.shape[axis + 2], strides[i], dilations[i]);
  }
  if (!r.problem) r.problem = check_shape(r.type.shape);
  return r;
}

}  // namespace heed::graph
