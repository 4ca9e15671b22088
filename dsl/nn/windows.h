// Attention within windows of an image, shifted by half a window in every other block: the blocks
// of Swin transformers, named as in timm. Images are [batch, height, width, features]; sizes that a
// window does not divide are padded.
#pragma once
#include <span>

#include "heed/dsl/nn/attention.h"
#include "heed/dsl/nn/mlp.h"
#include "heed/dsl/nn/norm.h"

namespace heed::nn {

// Up to the next multiple of a step.
template <std::int64_t Step>
constexpr dim padded(dim size) {
  return divide_exact(size, dim(Step)) ? size : ceil_div(size, Step) * dim(Step);
}
// [batch, height, width, features] grown by zeros, below and on the right, to sizes that the step
// divides
template <std::int64_t Step>
constexpr auto padded_to(expression auto x) {
  constexpr dim height = size<1>(x), width = size<2>(x), h = padded<Step>(height),
                w = padded<Step>(width);
  if constexpr (h == height && w == width) return x;
  else return pad<2, 0, w - width>(pad<1, 0, h - height>(x));
}

// A shift moves nothing to another window where one window spans the axis.
template <std::int64_t W>
constexpr bool shifts(dim extent) { return !(extent == dim(W)); }

// [batch, height, width, features] to [batch * windows, W * W, features] and back
template <std::int64_t W>
constexpr auto windows(expression auto x) {
  constexpr dim b = size<0>(x), rows = size<1>(x) / W, columns = size<2>(x) / W,
                features = size<3>(x);
  auto cells = permute<0, 1, 3, 2, 4, 5>(reshape<b, rows, W, columns, W, features>(x));
  return reshape<b * rows * columns, W * W, features>(cells);
}
template <std::int64_t W, dim Batch, dim Height, dim Width>
constexpr auto from_windows(expression auto x) {
  constexpr dim features = size<2>(x);
  auto cells = permute<0, 1, 3, 2, 4, 5>(reshape<Batch, Height / W, Width / W, W, W, features>(x));
  return reshape<Batch, Height, Width, features>(cells);
}

// relative_position_index[i][j]: row of the bias table for a pair of positions of one window
template <std::int64_t W>
struct relative_positions {
  static void fill(std::span<std::int64_t> out) {
    for (std::int64_t i = 0; i < W * W; ++i)
      for (std::int64_t j = 0; j < W * W; ++j)
        out[std::size_t(i * W * W + j)] =
            (i / W - j / W + W - 1) * (2 * W - 1) + (i % W - j % W + W - 1);
  }
};

// A window of a shifted image may hold pieces that are no neighbours: keys of other pieces are not
// seen. scores: [Batch * windows, heads, W * W, W * W], of images of Height x Width
template <std::int64_t W, std::int64_t Shift, dim Batch, dim Height, dim Width>
struct shift_mask {
  // Which of the three pieces along an axis a position belongs to; what one window spans is one
  // piece.
  template <dim Extent>
  static constexpr auto piece(auto at) {
    if constexpr (!shifts<W>(Extent)) return at - at;
    else if constexpr (Extent.is_static())
      return cast<i64>(at >= extent<Extent>() - scalar<W>) +
             cast<i64>(at >= extent<Extent>() - scalar<Shift>);
    else
      return cast<i64>(at >= maximum(extent<Extent>() - scalar<W>, scalar<W>)) +
             cast<i64>(at >= maximum(extent<Extent>() - scalar<Shift>, scalar<W>));
  }
  // Where one window turns out to span a symbolic axis, cells moved within it: their places before
  // that.
  template <dim Extent>
  static constexpr auto place(auto at) {
    if constexpr (Extent.is_static()) return at;
    else {
      auto moved = at + cast<i64>(extent<Extent>() == scalar<W>) * scalar<Shift>;
      return moved - cast<i64>(moved >= scalar<W>) * scalar<W>;
    }
  }
  // As relative_positions, for whichever size the image has.
  static constexpr auto relative_index()
    requires(!Height.is_static() || !Width.is_static())
  {
    auto down = place<Height>(position<0>()) - place<Height>(position<2>()) + scalar<W - 1>;
    auto right = place<Width>(position<1>()) - place<Width>(position<3>()) + scalar<W - 1>;
    return reshape<W * W, W * W>(broadcast_to<W, W, W, W>(down * scalar<2 * W - 1> + right));
  }
  static constexpr auto apply(expression auto scores) {
    constexpr dim windows = size<0>(scores), heads = size<1>(scores);
    // axes: batch, row and column of the window, head, y and x of the query, y and x of the key
    auto cells = reshape<Batch, Height / W, Width / W, heads, W, W, W, W>(scores);
    auto y = position<1>() * scalar<W>;
    auto x = position<2>() * scalar<W>;
    auto same_y = piece<Height>(y + position<4>()) == piece<Height>(y + position<6>());
    auto same_x = piece<Width>(x + position<5>()) == piece<Width>(x + position<7>());
    auto seen = where(same_y && same_x, cells, minus_infinity);
    return reshape<windows, heads, W * W, W * W>(seen);
  }
};

template <std::int64_t Features, std::int64_t Heads, std::int64_t W, class Mask = everything>
struct window_attention {
  sub<"qkv", linear<Features, 3 * Features>> qkv;
  sub<"proj", linear<Features, Features>> proj;

  constexpr auto operator()(expression auto x) const {
    auto [q, k, v] = split<3, -1>(qkv(x));
    auto table =
        param<"relative_position_bias_table", tensor<f32, (2 * W - 1) * (2 * W - 1), Heads>>;
    auto biased = scaled_scores(split_heads<Heads>(q), split_heads<Heads>(k)) +
                  permute<2, 0, 1>(gather(table, index()));
    auto weights = softmax<-1>(Mask::apply(biased));
    return proj(merge_heads(matmul(probe<"attention">(weights), split_heads<Heads>(v))));
  }

 private:
  static constexpr auto index() {
    if constexpr (requires { Mask::relative_index(); }) return Mask::relative_index();
    else return buffer<"relative_position_index", tensor<i64, W * W, W * W>, relative_positions<W>>;
  }
};

// Shift: by how much windows are moved along axes that have several; half a window in every other
// block. Mask: what a shifted block applies to the scores, shift_mask or one that reads a buffer.
template <std::int64_t Features, std::int64_t Heads, std::int64_t W, std::int64_t Shift,
          template <std::int64_t, std::int64_t, dim, dim, dim> class Mask = shift_mask>
struct swin_block {
  sub<"norm1", layer_norm<Features>> norm1;
  sub<"norm2", layer_norm<Features>> norm2;
  sub<"mlp", mlp<Features, 4 * Features>> mlp_;

  constexpr auto operator()(expression auto x) const {
    auto h = x + attended(norm1(x));
    return probe<"tokens">(h + mlp_(norm2(h)));
  }

 private:
  static constexpr auto attended(expression auto x) {
    constexpr dim b = size<0>(x), height = size<1>(x), width = size<2>(x), h = padded<W>(height),
                  w = padded<W>(width);
    constexpr int down = shifts<W>(h) ? int(Shift) : 0, right = shifts<W>(w) ? int(Shift) : 0;
    auto grown = padded_to<W>(x);
    auto moved = [&] {
      if constexpr (down == 0 && right == 0)
        return from_windows<W, b, h, w>(attention<everything>(windows<W>(grown)));
      else {
        auto shifted = rolled<2, -right>(rolled<1, -down>(grown));
        return rolled<2, right>(rolled<1, down>(
            from_windows<W, b, h, w>(attention<Mask<W, Shift, b, h, w>>(windows<W>(shifted)))));
      }
    }();
    if constexpr (h == height && w == width) return moved;
    else return slice<2, 0, width>(slice<1, 0, height>(moved));
  }
  template <int Axis, int By>
  static constexpr auto rolled(expression auto x) {
    if constexpr (By == 0) return x;
    else return roll<Axis, By>(x);
  }
  template <class M>
  static constexpr auto attention(expression auto x) {
    return sub<"attn", window_attention<Features, Heads, W, M>>{}(x);
  }
};

}  // namespace heed::nn
