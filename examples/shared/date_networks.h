// Networks that read a text letter by letter and write another: a GRU reads in both directions, a
// second one writes. With attention the writer looks at a new mean of all that was read in every
// step; without, whatever the text's length, it has the reader's last states alone.
#pragma once
#include "dates.h"
#include "heed/dsl/nn/recurrent.h"
#include "writer.h"

namespace heed::examples {

inline constexpr std::int64_t letter_width = 32, reader_width = 64, memory_width = 2 * reader_width,
                              writer_width = 128;
inline constexpr WriterSize date_writer{target_letters, letter_width, memory_width, writer_width,
                                        64};
inline constexpr dim B{"B"}, S{"S"}, T{"T"};
using date_texts = tensor<i64, B, S>;    // indices of letters, padded behind
using text_lengths = tensor<i64, B>;
using translations = tensor<i64, B, T>;  // START, then the letters
using last_letters = tensor<i64, B>;
using writer_states = tensor<f32, B, writer_width>;
using text_memory = tensor<f32, B, S, memory_width>;
using text_summary = tensor<f32, B, memory_width>;

// texts: [batch, source], lengths: [batch]. Returns the memory [batch, source, memory_width], its
// summary, which is the last states of both directions, [batch, memory_width], and the writer's
// first state.
struct text_reader {
  sub<"rnn", nn::gru<letter_width, reader_width, 1, true>> rnn;
  sub<"initial", nn::linear<memory_width, writer_width>> initial;
  constexpr auto operator()(expression auto texts, expression auto lengths) const {
    constexpr dim batch = size<0>(texts);
    auto letters =
        embedding(param<"embedding.weight", tensor<f32, source_letters, letter_width>>, texts);
    auto [memory, last] = rnn(letters, lengths);
    auto summary = reshape<batch, memory_width>(permute<1, 0, 2>(last));
    return parts{memory, summary, tanh(initial(summary))};
  }
};

// The programs of decoding, encoder and step, and teacher forcing: the writer runs over a given
// translation and gives the logits of what follows each of its letters.
struct reading {
  sub<"encoder", text_reader> encoder;
  constexpr auto operator()(expression auto texts, expression auto lengths) const {
    return encoder(texts, lengths);
  }
};

struct writing_without_attention {
  sub<"decoder", writer_step<date_writer>> decoder;
  constexpr auto operator()(expression auto letter, expression auto state,
                            expression auto summary) const {
    return decoder(state, letter, summary);
  }
};
struct forced_without_attention {
  sub<"encoder", text_reader> encoder;
  scan<"decoder", writer_step<date_writer>> decoder;
  constexpr auto operator()(expression auto texts, expression auto lengths,
                            expression auto given) const {
    auto [memory, summary, first] = encoder(texts, lengths);
    auto [last, logits] = decoder(states(first), steps(given), held(summary));
    return logits;
  }
};

using writing_with_attention = attending_writer<date_writer>;
using forced_with_attention = forced_attending_writer<reading, date_writer>;

}  // namespace heed::examples
