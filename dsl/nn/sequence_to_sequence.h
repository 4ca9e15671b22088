// Networks that read and write sequences of words: an encoder's memory, and a decoder that scores the next word at every
// position of what is written so far. Given the whole target at once (teacher forcing) it scores all of its words; to
// write, it is given its own words as they come, and its last row counts. Words are numbers, i64.
#pragma once
#include "heed/dsl/nn/encoder_decoder.h"
#include "heed/dsl/nn/positions.h"

namespace heed::nn {

// Rows of `table`, times the root of their length, where they stand: [batch, tokens] to [batch, tokens, Features]
template <std::int64_t Features, std::int64_t Longest>
constexpr auto embed_words(expression auto table, expression auto words) {
  auto scaled = embedding(table, words) * scalar<double(Features)> * rsqrt_of<Features>;
  return sub<"positions", sinusoidal_positions<Features, Longest>>{}(scaled);
}

template <std::int64_t Words, std::int64_t Features, std::int64_t Heads, std::int64_t Hidden, std::int64_t Depth,
          std::int64_t Longest = 256>
struct word_encoder {
  sub<"encoder", transformer_encoder<Features, Heads, Hidden, Depth>> encoder;
  // words: [batch, tokens], lengths: [batch], how many of each row are none of padding
  constexpr auto operator()(expression auto words, expression auto... lengths) const {
    auto table = param<"source_embedding.weight", tensor<f32, Words, Features>>;
    return encoder(embed_words<Features, Longest>(table, words), lengths...);
  }
};

template <std::int64_t Words, std::int64_t Features, std::int64_t Heads, std::int64_t Hidden, std::int64_t Depth,
          std::int64_t Longest = 256>
struct word_decoder {
  sub<"decoder", transformer_decoder<Features, Heads, Hidden, Depth>> decoder;
  sub<"generator", linear<Features, Words>> generator;
  // words: [batch, tokens], memory: [batch, source tokens, Features] give logits: [batch, tokens, Words]
  constexpr auto operator()(expression auto words, expression auto memory, expression auto... lengths) const {
    auto table = param<"target_embedding.weight", tensor<f32, Words, Features>>;
    return generator(decoder(embed_words<Features, Longest>(table, words), memory, lengths...));
  }
};

// Both, with the target given: what training runs.
template <class Encoder, class Decoder>
struct teacher_forced {
  sub<"", Encoder> encoder;
  sub<"", Decoder> decoder;
  constexpr auto operator()(expression auto source, expression auto target, expression auto... lengths) const {
    return decoder(target, encoder(source, lengths...), lengths...);
  }
};

}  // namespace heed::nn
