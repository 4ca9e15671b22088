// A convolution network makes a grid of a picture; a GRU attends to it anew for every word of the
// caption.
#pragma once
#include "../shared/captions.h"
#include "../shared/writer.h"

namespace heed::examples {

inline constexpr WriterSize caption_writer{caption_word_count, 32, grid_features, 128, 64};
using caption_states = tensor<f32, dim("B"), caption_writer.state>;
using last_words = tensor<i64, dim("B")>;
using given_captions = tensor<i64, dim("B"), dim("T")>;

// pictures: the grid and the writer's first state, from its mean
struct caption_reading {
  sub<"grid", picture_grid> grid;
  sub<"initial", nn::linear<grid_features, caption_writer.state>> initial;
  constexpr auto operator()(expression auto pictures) const {
    auto cells = grid(pictures);
    return parts{cells, tanh(initial(mean<1>(cells)))};
  }
};

using caption_writing = attending_writer<caption_writer>;
using forced_caption = forced_attending_writer<caption_reading, caption_writer>;

}  // namespace heed::examples
