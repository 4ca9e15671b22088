// A convolution network makes a grid of a picture; a GRU attends to it anew for every word of the caption.
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

struct caption_writing {
  sub<"decoder", attending_writer_step<caption_writer>> decoder;
  constexpr auto operator()(expression auto word, expression auto state, expression auto cells) const {
    return decoder(state, word, cells);
  }
};

// Teacher forcing: logits of what follows each word of a given caption.
struct forced_caption {
  sub<"", caption_reading> read;
  scan<"decoder", attending_writer_step<caption_writer>> decoder;
  constexpr auto operator()(expression auto pictures, expression auto given) const {
    auto [cells, first] = read(pictures);
    auto [last, logits, weights] = decoder(states(first), steps(given), held(cells));
    return logits;
  }
};

}  // namespace heed::examples
