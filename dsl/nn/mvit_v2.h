// Improved multiscale vision transformers (Li et al. 2022): queries, keys and values are pooled by convolutions of one
// channel each, positions count by their distance along each axis, and pooled queries are added to what attention gives.
// Parameters have the names of timm's mvitv2 models, so that their checkpoints load.
#pragma once
#include <algorithm>
#include <span>
#include <utility>

#include "heed/dsl/nn/attention.h"
#include "heed/dsl/nn/convolution.h"
#include "heed/dsl/nn/mlp.h"
#include "heed/dsl/nn/norm.h"

namespace heed::nn {

// tokens of an image, [batch, side * side, features], as [batch, features, side, side] and back
template <std::int64_t Side>
constexpr auto as_image(expression auto tokens) {
  constexpr dim b = size<0>(tokens), features = size<2>(tokens);
  return permute<0, 3, 1, 2>(reshape<b, Side, Side, features>(tokens));
}
constexpr auto as_tokens(expression auto image) {
  constexpr dim b = size<0>(image), features = size<1>(image), cells = size<2>(image) * size<3>(image);
  return reshape<b, cells, features>(permute<0, 2, 3, 1>(image));
}

// [batch, side * side, heads * features] to [batch, heads, pooled cells, features]; the heads share the kernels.
template <std::int64_t Heads, std::int64_t Features, std::int64_t Side, int Stride>
struct head_pooling {
  constexpr auto operator()(expression auto tokens) const {
    auto kernels = reshape<1, Features, 1, 3, 3>(param<"weight", tensor<f32, Features, 1, 3, 3>>);
    auto weight = reshape<Heads * Features, 1, 3, 3>(broadcast_to<Heads, Features, 1, 3, 3>(kernels));
    return split_heads<Heads>(as_tokens(conv2d<Stride, 1, 1, int(Heads * Features)>(as_image<Side>(tokens), weight)));
  }
};

// index[i][j]: the row of a table of distances for query i and key j of one axis. Both lie on the finer one's grid.
template <std::int64_t Queries, std::int64_t Keys>
struct axis_distances {
  static void fill(std::span<std::int64_t> out) {
    constexpr std::int64_t finer = std::max(Queries, Keys), i_step = finer / Queries, j_step = finer / Keys;
    for (std::int64_t i = 0; i < Queries; ++i)
      for (std::int64_t j = 0; j < Keys; ++j)
        out[std::size_t(i * Keys + j)] = i * i_step + (Keys - 1 - j) * j_step;
  }
};

// Side: of the image whose tokens come in, which the strides divide.
template <std::int64_t In, std::int64_t Out, std::int64_t Heads, std::int64_t Side, int QueryStride, int KeyStride>
struct multiscale_attention {
  static constexpr std::int64_t features = Out / Heads, queries = Side / QueryStride, keys = Side / KeyStride;
  static constexpr std::int64_t distances = 2 * std::max(queries, keys) - 1;  // that occur along an axis
  sub<"qkv", linear<In, 3 * Out>> qkv;
  sub<"proj", linear<Out, Out>> proj;
  sub<"pool_q", head_pooling<Heads, features, Side, QueryStride>> pool_q;
  sub<"pool_k", head_pooling<Heads, features, Side, KeyStride>> pool_k;
  sub<"pool_v", head_pooling<Heads, features, Side, KeyStride>> pool_v;
  sub<"norm_q", layer_norm<features, 1e-6>> norm_q;
  sub<"norm_k", layer_norm<features, 1e-6>> norm_k;
  sub<"norm_v", layer_norm<features, 1e-6>> norm_v;

  constexpr auto operator()(expression auto x) const {
    auto [given_q, given_k, given_v] = split<3, -1>(qkv(x));
    auto q = norm_q(pool_q(given_q));
    auto k = norm_k(pool_k(given_k));
    auto v = norm_v(pool_v(given_v));
    auto weights = softmax<-1>(with_positions(scaled_scores(q, k), q));
    return proj(merge_heads(matmul(probe<"attention">(weights), v) + q));
  }

 private:
  // Adds, for both axes, the product of the query with the trained vector of its distance from the key.
  static constexpr auto with_positions(expression auto scores, expression auto q) {
    constexpr dim b = size<0>(q);
    auto index = buffer<"rel_index", tensor<i64, queries, keys>, axis_distances<queries, keys>>;
    auto vertical = gather(param<"rel_pos_h", tensor<f32, distances, features>>, index);
    auto horizontal = gather(param<"rel_pos_w", tensor<f32, distances, features>>, index);
    auto cells = reshape<b, Heads, queries, queries, features>(q);
    auto down = matmul(cells, transpose(vertical));  // [batch, heads, y, x, key's y]
    auto across = permute<0, 1, 3, 2, 4>(matmul(permute<0, 1, 3, 2, 4>(cells), transpose(horizontal)));
    auto moved = reshape<b, Heads, queries, queries, keys, keys>(scores) +
                 reshape<b, Heads, queries, queries, keys, 1>(down) +
                 reshape<b, Heads, queries, queries, 1, keys>(across);
    return reshape<b, Heads, queries * queries, keys * keys>(moved);
  }
};

template <std::int64_t In, std::int64_t Out, std::int64_t Heads, std::int64_t Side, int QueryStride, int KeyStride>
struct multiscale_block {
  sub<"norm1", layer_norm<In, 1e-6>> norm1;
  sub<"attn", multiscale_attention<In, Out, Heads, Side, QueryStride, KeyStride>> attn;
  sub<"norm2", layer_norm<Out, 1e-6>> norm2;
  sub<"mlp", mlp<Out, 4 * Out>> mlp_;

  constexpr auto operator()(expression auto x) const {
    auto normed = norm1(x);
    auto h = shortcut(x, normed) + attn(normed);
    return probe<"tokens">(h + mlp_(norm2(h)));
  }

 private:
  // What goes past attention, pooled as the queries are: the normalised input where its width changes.
  static constexpr auto shortcut(expression auto x, expression auto normed) {
    auto wide = [&] {
      if constexpr (In == Out) return x;
      else return sub<"shortcut_proj_attn", linear<In, Out>>{}(normed);
    }();
    if constexpr (QueryStride == 1) return wide;
    else return as_tokens(max_pool2d<QueryStride + 1, QueryStride, (QueryStride + 1) / 2>(as_image<Side>(wide)));
  }
};

// Blocks of one width; the first one pools the queries.
template <std::int64_t In, std::int64_t Out, std::int64_t Heads, std::int64_t Side, int QueryStride, int KeyStride,
          std::int64_t Depth>
struct multiscale_stage {
  constexpr auto operator()(expression auto x) const {
    auto first = sub<"blocks.0", multiscale_block<In, Out, Heads, Side, QueryStride, KeyStride>>{}(x);
    return rest(first, std::make_integer_sequence<std::int64_t, Depth - 1>{});
  }

 private:
  template <std::int64_t... N>
  static constexpr auto rest(expression auto x, std::integer_sequence<std::int64_t, N...>) {
    return chain<sub<numbered<"blocks.", N + 1>, multiscale_block<Out, Out, Heads, Side / QueryStride, 1, KeyStride>>...>{}(x);
  }
};

// Square images of Image pixels a side; widths and heads double from stage to stage, Depths are the stages' blocks.
template <std::int64_t Image, std::int64_t Features, std::int64_t Classes, std::int64_t... Depths>
struct mvit_v2 {
  static constexpr std::int64_t depths[] = {Depths...}, last = Features << (sizeof...(Depths) - 1);
  sub<"patch_embed.proj", convolution<3, Features, 7, 4, 3>> patch_embed;
  sub<"norm", layer_norm<last, 1e-6>> norm;
  sub<"head.fc", linear<last, Classes>> head;

  // image: [batch, 3, Image, Image] gives logits: [batch, Classes]
  constexpr auto operator()(expression auto image) const {
    auto x = stages(probe<"embed">(as_tokens(patch_embed(image))), std::make_index_sequence<sizeof...(Depths)>{});
    return head(mean<1>(norm(x)));
  }

 private:
  // Keys and values are pooled to the same grid in all stages but the last, where it is the queries'.
  template <std::size_t N>
  using stage = multiscale_stage<(N ? Features << (N - 1) : Features), (Features << N), (1 << N), (Image >> (N < 2 ? 2 : N + 1)),
                                 (N ? 2 : 1), (N < 2 ? 4 >> N : 1), depths[N]>;
  template <std::size_t... N>
  static constexpr auto stages(expression auto x, std::index_sequence<N...>) {
    return chain<sub<numbered<"stages.", N>, stage<N>>...>{}(x);
  }
};

using mvitv2_tiny = mvit_v2<224, 96, 1000, 1, 2, 5, 2>;
using mvitv2_small = mvit_v2<224, 96, 1000, 1, 2, 11, 2>;

}  // namespace heed::nn
