// What a random network is made of: one op or one idiom of models at a time.
#include <algorithm>
#include <limits>

#include "random_graph.h"

namespace heed::test {

constexpr double infinity = std::numeric_limits<double>::infinity();

int RandomGraph::step() {
  switch (pick(15)) {
    case 0: case 1: case 2: return scalar();
    case 3: return guarded();
    case 4: case 5: case 6: return layout();
    case 7: return contraction();
    case 8: return convolution();
    case 9: return rows();
    case 10: return gathered();
    case 11: return called();
    case 12: return attention();
    case 13: return pooled();
    default: return chance(50) ? rows() : contraction();
  }
}

int RandomGraph::scalar() {
  int x = any();
  switch (pick(6)) {
    case 0:
      return apply(one_of({OpCode::tanh, OpCode::sigmoid, OpCode::erf, OpCode::sin, OpCode::cos,
                           OpCode::relu, OpCode::gelu, OpCode::silu, OpCode::neg, OpCode::abs,
                           OpCode::exp}),
                   {x});
    case 1: {
      int c = condition(x);
      return apply(OpCode::where, {c, x, beside(x)});
    }
    case 2:
      if (chance(15)) return noisy(x);
      return to_type(x, one_of({DType::f32, DType::f32, DType::i32, DType::i64, DType::f16,
                                DType::bf16, DType::i8, DType::boolean}));
    case 3:
      return apply(one_of({OpCode::eq, OpCode::ne, OpCode::lt, OpCode::le, OpCode::gt, OpCode::ge,
                           OpCode::logical_and, OpCode::logical_or}),
                   {x, beside(x)});
    default: {
      OpCode op = one_of({OpCode::add, OpCode::add, OpCode::sub, OpCode::mul, OpCode::mul,
                          OpCode::div, OpCode::maximum, OpCode::minimum, OpCode::pow});
      int y = beside(x);
      return chance(80) ? apply(op, {x, y}) : apply(op, {y, x});
    }
  }
}

int RandomGraph::noisy(int x) {
  const int axis = any_axis(x);
  if (axis < 0) return -1;
  const int seed = constant(pick(9), DType::i64), turn = constant(pick(9), DType::i64);
  const int noise = add(node_of(OpCode::random),
                        {seed, position(shape(x).rank, axis, shape(x)[axis]), turn},
                        {DType::f32, {}});
  if (type(x).dtype != DType::f32) return noise;
  return apply(one_of({OpCode::add, OpCode::mul}), {x, noise});
}

int RandomGraph::guarded() {
  int x = any_float();
  int positive = apply(OpCode::add, {apply(OpCode::abs, {x}), constant(0.25)});
  switch (pick(5)) {
    case 0: return apply(OpCode::div, {beside(x), positive});
    case 1:
      return apply(OpCode::pow, {positive, constant(one_of({-1.0, -0.5, 0.5, 1.5, 2.0, 3.0}))});
    default: return apply(one_of({OpCode::log, OpCode::sqrt, OpCode::rsqrt}), {positive});
  }
}

int RandomGraph::layout() {
  int x = any();
  const Shape from = shape(x);
  int axis = any_axis(x);
  if (axis < 0) return to_shape(OpCode::broadcast, x, shape_of({T, 3}));
  switch (pick(7)) {
    case 0: return reshaped(x);
    case 1: {
      std::vector<std::int64_t> order;
      for (int i = 0; i < from.rank; ++i) order.push_back(i);
      std::shuffle(order.begin(), order.end(), random);
      return apply(OpCode::permute, {x}, order);
    }
    case 2: return sliced(x);
    case 3: {
      Dim before(pick(3)), after = chance(20) ? T : Dim(pick(4));
      return apply(OpCode::pad, {x}, {axis}, {before, after}, {(pick(9) - 4) * 0.25});
    }
    case 4: {
      Shape to = from;
      if (to.rank < max_rank) {
        for (int i = to.rank++; i > 0; --i) to.dims[i] = to.dims[i - 1];
        to.dims[0] = one_of({Dim(1), Dim(3), B, T});
      }
      for (int i = 1; i < to.rank; ++i)
        if (to.dims[i] == Dim(1) && chance(50)) to.dims[i] = one_of({Dim(2), Dim(5), T});
      return to_shape(OpCode::broadcast, x, to);
    }
    case 5: return apply(OpCode::roll, {x}, {axis, pick(15) - 7});
    default: {
      std::vector<int> pieces{x};
      for (int n = 1 + pick(3); n > 0; --n) {
        int piece = chance(50) ? x : chance(50) ? sliced(x) : any(type(x).dtype);
        if (piece >= 0) pieces.push_back(piece);
      }
      if (is_static(from) && type(x).dtype == DType::f32 && chance(50))
        pieces.insert(pieces.begin() + pick(int(pieces.size())), parameter(from));
      return apply(OpCode::concat, pieces, {axis});
    }
  }
}

int RandomGraph::reshaped(int x) {
  Shape to, from = shape(x);
  const int axis = pick(from.rank);
  const int how = pick(3);
  for (int i = 0; i < from.rank; ++i) {
    const Dim d = from.dims[i];
    if (how == 0 && i == axis && i + 1 < from.rank) {
      to.append(d * from.dims[++i]);
    } else if (how == 1 && i == axis) {
      std::int64_t factor = one_of({2, 3, 4, 1});
      auto quotient = divide_exact(d, Dim(factor));
      if (!quotient || to.rank + from.rank >= max_rank) return -1;
      bool first = chance(50);
      to.append(first ? Dim(factor) : *quotient);
      to.append(first ? *quotient : Dim(factor));
    } else if (how == 2 && d == Dim(1)) {
      continue;
    } else {
      to.append(d);
    }
  }
  return to_shape(OpCode::reshape, x, to);
}

int RandomGraph::sliced(int x) {
  const int axis = any_axis(x);
  if (axis < 0) return -1;
  const Dim size = shape(x)[axis];
  Dim begin(pick(3)), end = size - Dim(pick(3));
  if (auto parts = divide_exact(size, Dim(2)); parts && chance(40)) {  // a half of it
    begin = chance(50) ? Dim(0) : *parts;
    end = begin + *parts;
  } else if (chance(15)) {
    begin = Dim(0);
    end = T / 2;
  }
  return apply(OpCode::slice, {x}, {axis}, {begin, end});
}

int RandomGraph::contraction() {
  int x = any_float();
  if (x < 0 || shape(x).rank < 2) return -1;
  const Shape from = shape(x);
  if (!from[-1].is_static() || chance(25)) {  // with itself, transposed
    std::vector<std::int64_t> order;
    for (int i = 0; i < from.rank; ++i) order.push_back(i);
    std::swap(order[order.size() - 1], order[order.size() - 2]);
    int y = apply(OpCode::permute, {x}, order);
    return chance(50) ? apply(OpCode::matmul, {x, y}) : apply(OpCode::matmul, {y, x});
  }
  Shape weight;
  if (chance(20))
    for (int i = 0; i < from.rank - 2; ++i)
      weight.append(from.dims[i].is_static() && chance(50) ? from.dims[i] : Dim(1));
  weight.append(from[-1]);
  weight.append(odd_size());
  int y = apply(OpCode::matmul, {x, parameter(weight)});
  if (y >= 0 && chance(50)) y = apply(OpCode::add, {y, parameter(shape_of({weight[-1]}))});
  if (y >= 0 && chance(30)) y = apply(one_of({OpCode::gelu, OpCode::relu, OpCode::silu}), {y});
  if (y >= 0 && chance(30) && shape(y) == from) y = apply(OpCode::add, {x, y});
  return y;
}

int RandomGraph::convolution() {
  int x = any_float();
  if (x < 0) return -1;
  Shape from = shape(x);
  if (from.rank == 3 && from[2].is_static()) {  // [a, b, c] as one image of c channels for each a
    x = to_shape(OpCode::reshape, apply(OpCode::permute, {x}, {0, 2, 1}),
                 shape_of({from[0], from[2], from[1], 1}));
    if (x < 0) return -1;
    from = shape(x);
  }
  if (from.rank != 4 || !from[1].is_static()) return -1;
  const std::int64_t groups = from[1].constant % 2 == 0 && chance(30) ? 2 : 1;
  const int height = 1 + pick(3), width = from[3] == Dim(1) ? 1 : 1 + pick(3);
  int w = parameter(shape_of({groups * (1 + pick(6)), from[1].constant / groups, height, width}));
  int y = apply(OpCode::conv2d, {x, w}, {1 + pick(2), pick(2), 1 + pick(2), groups});
  if (y < 0) return -1;
  if (chance(50)) y = apply(OpCode::add, {y, parameter(shape_of({shape(y)[1], 1, 1}))});
  return y;
}

// Windows of one axis, reduced over their taps; or a clip of one image, convolved.
int RandomGraph::pooled() {
  int x = any_float();
  if (x < 0 || shape(x).rank == 0) return -1;
  const Shape from = shape(x);
  if (from.rank == 4 && from[1].is_static() && chance(40)) {
    x = to_shape(OpCode::reshape, x, shape_of({from[0], from[1], 1, from[2], from[3]}));
    int w = parameter(shape_of({1 + pick(6), from[1], 1 + pick(2), 1 + pick(2), 1}));
    return apply(OpCode::conv3d, {x, w},
                 {1 + pick(2), 1 + pick(2), 1, 1, pick(2), 0, 1, 1 + pick(2), 1, 1});
  }
  const int axis = any_axis(x), before = pick(2);
  int y = apply(OpCode::window, {x}, {axis, 1 + pick(3), 1 + pick(2), 1 + pick(2), before, before},
                {}, {(pick(5) - 2) * 0.5});
  if (y < 0) return -1;
  return apply(one_of({OpCode::sum, OpCode::mean, OpCode::max, OpCode::min}), {y}, {from.rank, 0});
}

int RandomGraph::rows() {
  int x = chance(80) ? any_float() : any();
  if (x < 0) return -1;
  const int axis = any_axis(x);
  if (axis < 0) return -1;
  if (chance(25)) return apply(OpCode::softmax, {x}, {axis});
  if (chance(30)) {
    graph::OwnedNode n = node_of(OpCode::normalize);
    n.reals = {one_of({1e-5, 1e-3, 0.1})};
    std::vector<int> operands{x};
    if (shape(x)[-1].is_static())
      for (int k = pick(3); k > 0; --k) operands.push_back(parameter(shape_of({shape(x)[-1]})));
    return add(std::move(n), operands);
  }
  return apply(one_of({OpCode::sum, OpCode::mean, OpCode::max, OpCode::min}), {x},
               {axis, pick(2)});
}

int RandomGraph::gathered() {
  const DType dtype = one_of({DType::i32, DType::i64});
  int index = any(dtype);
  if (index < 0 || chance(30)) index = table(dtype, shape_of({1 + pick(3), 1 + pick(6)}), 5);
  if (chance(20)) index = to_type(position(2, 1, T), dtype);
  int from = chance(60) ? parameter(shape_of({7 + pick(9), odd_size()})) : any();
  return apply(OpCode::gather, {from, index});
}

int RandomGraph::masked(int scores) {
  if (scores < 0) return -1;
  int c = condition(scores);
  if (chance(30))
    return apply(OpCode::add,
                 {scores, apply(OpCode::where, {c, constant(0), constant(-infinity)})});
  return apply(OpCode::where, {c, scores, constant(-infinity)});
}

// softmax(mask(q kᵀ)) v, from [a, b, features] in heads or as it is.
int RandomGraph::attention() {
  int x = any_float();
  if (x < 0 || shape(x).rank != 3 || !shape(x)[2].is_static()) return -1;
  const Shape from = shape(x);
  const int heads = one_of({1, 2, 3}), features = one_of({1, 3, 4, 8, 17});
  auto projected = [&] {
    const int all = heads * features;
    int y = chance(80) ? apply(OpCode::matmul, {x, parameter(shape_of({from[2], all}))})
                       : to_shape(OpCode::broadcast, parameter(shape_of({1, 5, all})),
                                  shape_of({from[0], 5, all}));
    if (y < 0) return -1;
    y = to_shape(OpCode::reshape, y, shape_of({from[0], shape(y)[1], heads, features}));
    return apply(OpCode::permute, {y}, {0, 2, 1, 3});
  };
  int q = projected(), k = projected();
  int v = chance(20) ? k : projected();
  if (chance(20)) q = apply(OpCode::mul, {q, constant(0.25)});
  int scores = apply(OpCode::matmul, {q, apply(OpCode::permute, {k}, {0, 1, 3, 2})});
  if (chance(50)) scores = apply(OpCode::mul, {scores, constant(0.5)});
  if (scores >= 0 && chance(40)) scores = apply(OpCode::add, {scores, beside(scores)});
  if (scores >= 0 && chance(50))
    if (int y = masked(scores); y >= 0) scores = y;
  int weights = apply(OpCode::softmax, {scores}, {3});
  if (weights >= 0 && chance(15)) {
    graph::OwnedNode probe = node_of(OpCode::probe);
    probe.name = "probe" + std::to_string(names++);
    weights = add(std::move(probe), {weights});
  }
  int y = apply(OpCode::matmul, {weights, v});
  if (y < 0 || chance(20)) return y;
  y = apply(OpCode::permute, {y}, {0, 2, 1, 3});
  if (y < 0) return -1;
  return to_shape(OpCode::reshape, y, shape_of({shape(y)[0], shape(y)[1], heads * features}));
}

}  // namespace heed::test
