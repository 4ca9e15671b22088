// Multiscale vision transformers for clips: MViT (Fan et al., arXiv 2104.11227) and its improvement
// (Li et al., arXiv 2112.01526). Keys and values, and queries where the image shrinks, are pooled
// by convolutions over time, height and width; a class token goes past them. Parameters have the
// names of torchvision's mvit_v1_b and mvit_v2_s.
#pragma once
#include <algorithm>
#include <utility>

#include "heed/dsl/nn/attention.h"
#include "heed/dsl/nn/mvit_v2.h"
#include "heed/dsl/nn/norm.h"

namespace heed::nn {

// Tokens of a block: the class token and those of time × side × side cells.
struct clip_block {
  std::int64_t in, out, heads, time, side;  // features that come and go; the clip that comes
  int query_stride, key_stride;             // by which height and width are pooled
  // positions by distance, pooled queries added, widened before attention
  bool improved;

  constexpr std::int64_t width() const { return improved ? out : in; }  // of attention
  constexpr std::int64_t features() const { return width() / heads; }
  constexpr std::int64_t queries() const { return side / query_stride; }  // along a side
  constexpr std::int64_t keys() const { return (side - 1) / key_stride + 1; }
};

// The class token as it is, and what `pool` makes of the other tokens as [batch, features, time,
// side, side].
template <std::int64_t Time, std::int64_t Side>
constexpr auto past_class_token(expression auto tokens, auto pool) {
  constexpr dim b = size<0>(tokens), n = size<1>(tokens), features = size<2>(tokens);
  auto clip = reshape<b, Time, Side, Side, features>(slice<1, 1, n>(tokens));
  auto pooled = permute<0, 2, 3, 4, 1>(pool(permute<0, 4, 1, 2, 3>(clip)));
  constexpr dim cells = size<1>(pooled) * size<2>(pooled) * size<3>(pooled);
  return concat<1>(slice<1, 0, 1>(tokens), reshape<b, cells, features>(pooled));
}

// Tokens [batch, tokens, heads * features] to [batch, heads, pooled tokens, features]; the heads
// share the kernels.
template <std::int64_t Heads, std::int64_t Features, std::int64_t Time, std::int64_t Side,
          int Stride>
struct clip_pooling {
  sub<"norm_act.0", layer_norm<Features, 1e-6>> norm;
  constexpr auto operator()(expression auto tokens) const {
    auto pooled = past_class_token<Time, Side>(tokens, [](expression auto clip) {
      auto kernels =
          reshape<1, Features, 1, 3, 3, 3>(param<"pool.weight", tensor<f32, Features, 1, 3, 3, 3>>);
      auto weight =
          reshape<Heads * Features, 1, 3, 3, 3>(broadcast_to<Heads, Features, 1, 3, 3, 3>(kernels));
      return conv3d<each{1, Stride, Stride}, each{1, 1, 1}, each{1, 1, 1}, int(Heads * Features)>(
          clip, weight);
    });
    return norm(split_heads<Heads>(pooled));
  }
};

// q: [batch, heads, 1 + query cells, features] gives what is added to the scores, [batch, heads, 1
// + query cells, 1 + key cells]: products of the query with a trained vector for its distance from
// the key along each axis, none for the class.
template <clip_block B>
struct clip_distances {
  static constexpr std::int64_t features = B.features(), side = B.queries(), keys = B.keys(),
                                time = B.time;
  static constexpr std::int64_t distances = 2 * std::max(side, keys) - 1;
  constexpr auto operator()(expression auto q) const {
    constexpr dim b = size<0>(q), n = size<2>(q);
    auto cells = reshape<b, B.heads, time, side, side, features>(slice<2, 1, n>(q));
    auto index = buffer<"rel_index", tensor<i64, side, keys>, axis_distances<side, keys>>;
    auto moments = buffer<"rel_moments", tensor<i64, time, time>, axis_distances<time, time>>;
    auto vertical = gather(param<"rel_pos_h", tensor<f32, distances, features>>, index);
    auto horizontal = gather(param<"rel_pos_w", tensor<f32, distances, features>>, index);
    auto earlier = gather(param<"rel_pos_t", tensor<f32, 2 * time - 1, features>>, moments);
    auto down = matmul(cells, transpose(vertical));  // [batch, heads, t, y, x, key's y]
    auto across =
        permute<0, 1, 2, 4, 3, 5>(matmul(permute<0, 1, 2, 4, 3, 5>(cells), transpose(horizontal)));
    auto back =
        permute<0, 1, 3, 2, 4, 5>(matmul(permute<0, 1, 3, 2, 4, 5>(cells), transpose(earlier)));
    auto sum = reshape<b, B.heads, time, side, side, 1, keys, 1>(down) +
               reshape<b, B.heads, time, side, side, 1, 1, keys>(across) +
               reshape<b, B.heads, time, side, side, time, 1, 1>(back);
    return pad<3, 1, 0>(
        pad<2, 1, 0>(reshape<b, B.heads, time * side * side, time * keys * keys>(sum)));
  }
};

template <clip_block B>
struct clip_attention {
  template <int Stride>
  using pooling = clip_pooling<B.heads, B.features(), B.time, B.side, Stride>;
  sub<"qkv", linear<B.in, 3 * B.width()>> qkv;
  sub<"pool_q", pooling<B.query_stride>> pool_q;
  sub<"pool_k", pooling<B.key_stride>> pool_k;
  sub<"pool_v", pooling<B.key_stride>> pool_v;
  sub<"", clip_distances<B>> distances;
  sub<"project.0", linear<B.width(), B.width()>> project;

  constexpr auto operator()(expression auto x) const {
    auto [given_q, given_k, given_v] = split<3, -1>(qkv(x));
    auto k = pool_k(given_k);
    auto v = pool_v(given_v);
    if constexpr (B.improved) {
      auto q = pool_q(given_q);
      auto weights = softmax<-1>(scaled_scores(q, k) + distances(q));
      auto mixed = matmul(probe<"attention">(weights), v);
      return project(merge_heads(mixed + where(position<-2>() >= scalar<1>, q, scalar<0>)));
    } else if constexpr (B.query_stride > 1) {
      return project(merge_heads(attention(pool_q(given_q), k, v)));
    } else {
      return project(merge_heads(attention(split_heads<B.heads>(given_q), k, v)));
    }
  }
};

template <clip_block B>
struct clip_mlp {
  sub<"0", linear<B.width(), 4 * B.width()>> first;
  sub<"3", linear<4 * B.width(), B.out>> second;
  constexpr auto operator()(expression auto x) const { return second(gelu(first(x))); }
};

template <clip_block B>
struct multiscale_clip_block {
  sub<"norm1", layer_norm<B.in, 1e-6>> norm1;
  sub<"attn", clip_attention<B>> attn;
  sub<"norm2", layer_norm<B.width(), 1e-6>> norm2;
  sub<"mlp", clip_mlp<B>> mlp_;
  sub<"project", linear<B.in, B.out>> project;

  constexpr auto operator()(expression auto x) const {
    auto normed = norm1(x);
    auto h = shortcut(x, normed) + attn(normed);
    if constexpr (B.improved || B.in == B.out) return probe<"tokens">(h + mlp_(norm2(h)));
    else return probe<"tokens">(project(norm2(h)) + mlp_(norm2(h)));
  }

 private:
  constexpr auto shortcut(expression auto x, expression auto normed) const {
    auto wide = [&] {
      if constexpr (B.improved && B.in != B.out) return project(normed);
      else return x;
    }();
    if constexpr (B.query_stride == 1) return wide;
    else
      return past_class_token<B.time, B.side>(wide, [](expression auto clip) {
        constexpr each kernel{1, B.query_stride + 1, B.query_stride + 1},
            stride{1, B.query_stride, B.query_stride};
        return max_pool3d<kernel, stride,
                          each{0, (B.query_stride + 1) / 2, (B.query_stride + 1) / 2}>(clip);
      });
  }
};

// The class token before the cells; unless Improved, a position for each place of the image and
// each moment is added.
template <std::int64_t Time, std::int64_t Side, std::int64_t Features, bool Improved>
struct clip_positions {
  using vector = tensor<f32, Features>;
  constexpr auto operator()(expression auto cells) const {
    constexpr dim b = size<0>(cells);
    auto cls = broadcast_to<b, 1, Features>(param<"class_token", vector>);
    if constexpr (Improved) return concat<1>(cls, cells);
    else {
      auto places = reshape<1, Side * Side, Features>(
          param<"spatial_pos", tensor<f32, Side * Side, Features>>);
      auto moments = reshape<Time, 1, Features>(param<"temporal_pos", tensor<f32, Time, Features>>);
      auto positions = reshape<Time * Side * Side, Features>(moments + places);
      return concat<1>(cls + param<"class_pos", vector>, cells + positions);
    }
  }
};

// Clips of Frames images of Image pixels a side. Stages as of mvit_v2; every second frame begins a
// cell, of 4 × 4 pixels.
template <bool Improved, std::int64_t Frames, std::int64_t Image, std::int64_t Features,
          int KeyStride, std::int64_t Classes, std::int64_t... Depths>
struct mvit_clip {
  static constexpr std::int64_t time = Frames / 2, side = Image / 4, stages = sizeof...(Depths);
  static constexpr std::int64_t depths[] = {Depths...}, last = Features << (stages - 1);
  sub<"pos_encoding", clip_positions<time, side, Features, Improved>> pos_encoding;
  sub<"norm", layer_norm<last, 1e-6>> norm;
  sub<"head.1", linear<last, Classes>> head;

  // clip: [batch, 3, Frames, Image, Image] gives logits: [batch, Classes]
  constexpr auto operator()(expression auto clip) const {
    constexpr dim b = size<0>(clip);
    auto bias = reshape<Features, 1, 1, 1>(param<"conv_proj.bias", tensor<f32, Features>>);
    auto cells = bias + conv3d<each{2, 4, 4}, each{1, 3, 3}>(
                            clip, param<"conv_proj.weight", tensor<f32, Features, 3, 3, 7, 7>>);
    auto tokens = pos_encoding(transpose(reshape<b, Features, time * side * side>(cells)));
    auto x =
        blocks(probe<"embed">(tokens), std::make_integer_sequence<std::int64_t, (Depths + ...)>{});
    return head(norm(select<1, 0>(x)));
  }

 private:
  static constexpr clip_block block(std::int64_t index) {
    std::int64_t stage = 0;
    while (index >= depths[stage]) index -= depths[stage++];
    const std::int64_t width = Features << stage;
    const bool first = index == 0 && stage > 0,
               ends = index == depths[stage] - 1 && stage < stages - 1;
    return {Improved && first ? width / 2 : width,
            !Improved && ends ? 2 * width : width,
            std::int64_t(1) << stage,
            time,
            first || stage == 0 ? side >> std::max<std::int64_t>(stage - 1, 0) : side >> stage,
            first ? 2 : 1,
            std::max(KeyStride >> stage, 1),
            Improved};
  }
  template <std::int64_t... N>
  static constexpr auto blocks(expression auto x, std::integer_sequence<std::int64_t, N...>) {
    return chain<sub<numbered<"blocks.", N>, multiscale_clip_block<block(N)>>...>{}(x);
  }
};

using mvit_v1_b = mvit_clip<false, 16, 224, 96, 8, 400, 1, 2, 11, 2>;
using mvit_v2_s = mvit_clip<true, 16, 224, 96, 8, 400, 1, 2, 11, 2>;

}  // namespace heed::nn
