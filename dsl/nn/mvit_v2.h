// Improved multiscale vision transformers (Li et al. 2022): queries, keys and values are pooled by
// convolutions of one channel each, positions count by their distance along each axis, and pooled
// queries are added to what attention gives. Parameters have the names of timm's mvitv2 models, so
// that their checkpoints load.
#pragma once
#include <algorithm>
#include <span>
#include <utility>

#include "heed/dsl/nn/attention.h"
#include "heed/dsl/nn/convolution.h"
#include "heed/dsl/nn/mlp.h"
#include "heed/dsl/nn/norm.h"

namespace heed::nn {

// [batch, height, width, channels] as convolutions and pooling take it, [batch, channels, height,
// width], and back
constexpr auto channels_first(expression auto image) { return permute<0, 3, 1, 2>(image); }
constexpr auto channels_last(expression auto image) { return permute<0, 2, 3, 1>(image); }

// [batch, height, width, heads * features] to [batch, heads, pooled cells, features]; the heads
// share the kernels.
template <std::int64_t Heads, std::int64_t Features, int Stride>
struct head_pooling {
  constexpr auto operator()(expression auto image) const {
    auto kernels = reshape<1, Features, 1, 3, 3>(param<"weight", tensor<f32, Features, 1, 3, 3>>);
    auto weight =
        reshape<Heads * Features, 1, 3, 3>(broadcast_to<Heads, Features, 1, 3, 3>(kernels));
    auto pooled =
        channels_last(conv2d<Stride, 1, 1, int(Heads * Features)>(channels_first(image), weight));
    constexpr dim b = size<0>(pooled), cells = size<1>(pooled) * size<2>(pooled);
    return permute<0, 2, 1, 3>(reshape<b, cells, Heads, Features>(pooled));
  }
};

// index[i][j]: the row of a table of distances for query i and key j of one axis. Both lie on the
// finer one's grid.
template <std::int64_t Queries, std::int64_t Keys>
struct axis_distances {
  static void fill(std::span<std::int64_t> out) {
    constexpr std::int64_t finer = std::max(Queries, Keys), i_step = finer / Queries,
                           j_step = finer / Keys;
    for (std::int64_t i = 0; i < Queries; ++i)
      for (std::int64_t j = 0; j < Keys; ++j)
        out[std::size_t(i * Keys + j)] = i * i_step + (Keys - 1 - j) * j_step;
  }
};

// Side: of the image [batch, side, side, In] that comes in; the strides divide it.
template <std::int64_t In, std::int64_t Out, std::int64_t Heads, std::int64_t Side, int QueryStride,
          int KeyStride>
struct multiscale_attention {
  static constexpr std::int64_t features = Out / Heads, queries = Side / QueryStride,
                                keys = Side / KeyStride;
  // that occur along an axis
  static constexpr std::int64_t distances = 2 * std::max(queries, keys) - 1;
  sub<"qkv", linear<In, 3 * Out>> qkv;
  sub<"proj", linear<Out, Out>> proj;
  sub<"pool_q", head_pooling<Heads, features, QueryStride>> pool_q;
  sub<"pool_k", head_pooling<Heads, features, KeyStride>> pool_k;
  sub<"pool_v", head_pooling<Heads, features, KeyStride>> pool_v;
  sub<"norm_q", layer_norm<features, 1e-6>> norm_q;
  sub<"norm_k", layer_norm<features, 1e-6>> norm_k;
  sub<"norm_v", layer_norm<features, 1e-6>> norm_v;

  constexpr auto operator()(expression auto x) const {
    auto [given_q, given_k, given_v] = split<3, -1>(qkv(x));
    auto q = norm_q(pool_q(given_q));
    auto k = norm_k(pool_k(given_k));
    auto v = norm_v(pool_v(given_v));
    auto weights = softmax<-1>(with_positions(scaled_scores(q, k), q));
    auto mixed = permute<0, 2, 1, 3>(matmul(probe<"attention">(weights), v) + q);
    constexpr dim b = size<0>(x);
    return proj(reshape<b, queries, queries, Out>(mixed));
  }

 private:
  // Adds, for both axes, the product of the query with the trained vector of its distance from the
  // key.
  static constexpr auto with_positions(expression auto scores, expression auto q) {
    constexpr dim b = size<0>(q);
    auto index = buffer<"rel_index", tensor<i64, queries, keys>, axis_distances<queries, keys>>;
    auto vertical = gather(param<"rel_pos_h", tensor<f32, distances, features>>, index);
    auto horizontal = gather(param<"rel_pos_w", tensor<f32, distances, features>>, index);
    auto cells = reshape<b, Heads, queries, queries, features>(q);
    auto down = matmul(cells, transpose(vertical));  // [batch, heads, y, x, key's y]
    auto across =
        permute<0, 1, 3, 2, 4>(matmul(permute<0, 1, 3, 2, 4>(cells), transpose(horizontal)));
    auto moved = reshape<b, Heads, queries, queries, keys, keys>(scores) +
                 reshape<b, Heads, queries, queries, keys, 1>(down) +
                 reshape<b, Heads, queries, queries, 1, keys>(across);
    return reshape<b, Heads, queries * queries, keys * keys>(moved);
  }
};

template <std::int64_t In, std::int64_t Out, std::int64_t Heads, std::int64_t Side, int QueryStride,
          int KeyStride>
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
  // What goes past attention, pooled as the queries are: the normalised input where its width
  // changes.
  static constexpr auto shortcut(expression auto x, expression auto normed) {
    auto wide = [&] {
      if constexpr (In == Out) return x;
      else return sub<"shortcut_proj_attn", linear<In, Out>>{}(normed);
    }();
    if constexpr (QueryStride == 1) return wide;
    else
      return channels_last(
          max_pool2d<QueryStride + 1, QueryStride, (QueryStride + 1) / 2>(channels_first(wide)));
  }
};

// Blocks of one width; the first one pools the queries.
template <std::int64_t In, std::int64_t Out, std::int64_t Heads, std::int64_t Side, int QueryStride,
          int KeyStride, std::int64_t Depth>
struct multiscale_stage {
  constexpr auto operator()(expression auto x) const {
    auto first =
        sub<"blocks.0", multiscale_block<In, Out, Heads, Side, QueryStride, KeyStride>>{}(x);
    return rest(first, std::make_integer_sequence<std::int64_t, Depth - 1>{});
  }

 private:
  template <std::int64_t... N>
  static constexpr auto rest(expression auto x, std::integer_sequence<std::int64_t, N...>) {
    using block = multiscale_block<Out, Out, Heads, Side / QueryStride, 1, KeyStride>;
    return chain<sub<numbered<"blocks.", N + 1>, block>...>{}(x);
  }
};

// Square images of Image pixels a side, embedded by a convolution of Kernel that is moved by Patch.
// Widths and heads double from stage to stage, Depths are the stages' blocks. Every stage but the
// first halves the image's sides; KeyStride is by how much the first stage pools keys and values,
// and is halved with them, down to 1.
template <std::int64_t Image, std::int64_t Channels, int Kernel, int Patch, int KeyStride,
          std::int64_t Features, std::int64_t Classes, std::int64_t... Depths>
struct mvit_v2 {
  static constexpr std::int64_t depths[] = {Depths...}, last = Features << (sizeof...(Depths) - 1);
  sub<"patch_embed.proj", convolution<Channels, Features, Kernel, Patch, Kernel / 2>> patch_embed;
  sub<"norm", layer_norm<last, 1e-6>> norm;
  sub<"head.fc", linear<last, Classes>> head;

  // image: [batch, Channels, Image, Image] gives logits: [batch, Classes]
  constexpr auto operator()(expression auto image) const {
    auto embedded = probe<"embed">(channels_last(patch_embed(image)));
    auto x = norm(stages(embedded, std::make_index_sequence<sizeof...(Depths)>{}));
    constexpr dim b = size<0>(x), cells = size<1>(x) * size<2>(x);
    return head(mean<1>(reshape<b, cells, last>(x)));
  }

 private:
  template <std::size_t N>
  using stage = multiscale_stage<(N ? Features << (N - 1) : Features), (Features << N), (1 << N),
                                 (Image / Patch >> (N ? N - 1 : 0)), (N ? 2 : 1),
                                 std::max(KeyStride >> N, 1), depths[N]>;
  template <std::size_t... N>
  static constexpr auto stages(expression auto x, std::index_sequence<N...>) {
    return chain<sub<numbered<"stages.", N>, stage<N>>...>{}(x);
  }
};

using mvitv2_tiny = mvit_v2<224, 3, 7, 4, 4, 96, 1000, 1, 2, 5, 2>;
using mvitv2_small = mvit_v2<224, 3, 7, 4, 4, 96, 1000, 1, 2, 11, 2>;

}  // namespace heed::nn
