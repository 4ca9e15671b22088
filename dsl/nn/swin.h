// Swin transformers (Liu et al. 2021): windows of attention over an image whose resolution is
// halved from stage to stage. Parameters have timm's names, so that its checkpoints load. Sizes
// that a patch, a merge or a window does not divide are padded with zeros below and on the right,
// as the authors' detection backbone does.
#pragma once
#include <utility>

#include "heed/dsl/nn/patch_embedding.h"
#include "heed/dsl/nn/windows.h"

namespace heed::nn {

// [batch, height, width, features] to [batch, height / 2, width / 2, 2 * features]: each 2 × 2
// cells become one
template <std::int64_t Features>
struct patch_merging {
  sub<"norm", layer_norm<4 * Features>> norm;
  sub<"reduction", linear<4 * Features, 2 * Features, false>> reduction;
  constexpr auto operator()(expression auto x) const {
    auto even = padded_to<2>(x);
    constexpr dim b = size<0>(x), h = size<1>(even) / 2, w = size<2>(even) / 2;
    auto cells = permute<0, 1, 3, 4, 2, 5>(reshape<b, h, 2, w, 2, Features>(even));
    return reduction(norm(reshape<b, h, w, 4 * Features>(cells)));
  }
};

// [batch, channels, height, width] to [batch, height / patch, width / patch, features]
template <std::int64_t Channels, std::int64_t Features, std::int64_t Patch>
struct swin_embedding {
  sub<"", patch_embedding<Channels, Features, Patch>> patches;
  sub<"norm", layer_norm<Features>> norm;

  static constexpr graph::Problem check(const TensorType& image) {
    return patch_embedding<Channels, Features, Patch>::check(image);
  }
  constexpr auto operator()(expression auto image) const {
    constexpr dim b = size<0>(image), height = size<2>(image), width = size<3>(image);
    constexpr dim h = padded<Patch>(height), w = padded<Patch>(width);
    auto grown = [&] {
      if constexpr (h == height && w == width) return image;
      else return pad<3, 0, w - width>(pad<2, 0, h - height>(image));
    }();
    return norm(reshape<b, h / Patch, w / Patch, Features>(patches(grown)));
  }
};

// Blocks of one resolution, every other one shifted by half a window. All but the first stage merge
// patches before.
template <std::int64_t Features, std::int64_t Heads, std::int64_t W, std::int64_t Depth, bool Merge>
struct swin_stage {
  constexpr auto operator()(expression auto x) const {
    if constexpr (Merge) return blocks(sub<"downsample", patch_merging<Features / 2>>{}(x));
    else return blocks(x);
  }

 private:
  template <std::int64_t... N>
  static constexpr auto all(std::integer_sequence<std::int64_t, N...>)
      -> chain<sub<numbered<"blocks.", N>, swin_block<Features, Heads, W, N % 2 ? W / 2 : 0>>...>;
  static constexpr auto blocks(expression auto x) {
    return decltype(all(std::make_integer_sequence<std::int64_t, Depth>{})){}(x);
  }
};

// Features and Heads are those of the first stage and double from stage to stage; Depths are the
// stages' blocks.
template <std::int64_t Patch, std::int64_t W, std::int64_t Channels, std::int64_t Features,
          std::int64_t Heads, std::int64_t Classes, std::int64_t... Depths>
struct swin_transformer {
  static constexpr std::int64_t last = Features << (sizeof...(Depths) - 1);
  sub<"patch_embed", swin_embedding<Channels, Features, Patch>> patch_embed;
  sub<"norm", layer_norm<last>> norm;
  sub<"head.fc", linear<last, Classes>> head;

  // image: [batch, channels, height, width] gives logits: [batch, classes]
  constexpr auto operator()(expression auto image) const {
    auto x = norm(
        stages(probe<"embed">(patch_embed(image)), std::index_sequence_for<decltype(Depths)...>{}));
    constexpr dim b = size<0>(x), cells = size<1>(x) * size<2>(x);
    return head(mean<1>(reshape<b, cells, last>(x)));
  }

 private:
  template <std::size_t... N>
  static constexpr auto stages(expression auto x, std::index_sequence<N...>) {
    return chain<sub<numbered<"layers.", N>,
                     swin_stage<(Features << N), (Heads << N), W, Depths, (N > 0)>>...>{}(x);
  }
};

using swin_t = swin_transformer<4, 7, 3, 96, 3, 1000, 2, 2, 6, 2>;
using swin_s = swin_transformer<4, 7, 3, 96, 3, 1000, 2, 2, 18, 2>;
using swin_b = swin_transformer<4, 7, 3, 128, 4, 1000, 2, 2, 18, 2>;

}  // namespace heed::nn
