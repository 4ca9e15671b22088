// A convolution network makes a grid of a picture; a Transformer's decoder attends to it and to the
// words before.
#pragma once
#include "../shared/captions.h"
#include "heed/dsl/nn/translation.h"

namespace heed::examples {

inline constexpr nn::TranslationSize caption_size{
    grid_features, 4, 128, 0, 2, 0, caption_word_count, caption_limits.longest};
using last_words = tensor<i64, dim("B")>;
using given_captions = tensor<i64, dim("B"), dim("T")>;
using caption_cache = tensor<f32, caption_size.decoders, dim("B"), dim("C"), 2 * grid_features>;
using caption_memory = tensor<f32, caption_size.decoders, dim("B"), grid_cells, 2 * grid_features>;
using caption_step = nn::translation_step<caption_size>;

// pictures: what the layers of the decoder see of them, caption_memory
struct caption_reader {
  sub<"grid", picture_grid> grid;
  sub<"decoder", nn::decoder_memory<grid_features, caption_size.decoders>> memory;
  constexpr auto operator()(expression auto pictures) const { return memory(grid(pictures)); }
};

// Teacher forcing: logits of what follows each word of a given caption.
struct forced_transformer_caption {
  sub<"grid", picture_grid> grid;
  sub<"", nn::forced_decoder<caption_size>> decode;
  constexpr auto operator()(expression auto pictures, expression auto given) const {
    return decode(given, grid(pictures));
  }
};

}  // namespace heed::examples
