// A Transformer between two languages: embeddings times sqrt(features) and sinusoidal positions in
// front of encoder and decoder, a linear layer behind. As programs: the reader runs once for a
// text, the step once for each token that is written; forced_translation gives the logits of all
// tokens of a given translation at once.
#pragma once
#include "heed/dsl/nn/cached_decoder.h"
#include "heed/dsl/nn/encoder_decoder.h"
#include "heed/dsl/nn/positions.h"

namespace heed::nn {

struct TranslationSize {
  std::int64_t features, heads, hidden, encoders, decoders, source_tokens, target_tokens;
  std::int64_t longest = 1024;  // of both texts
};

namespace detail {

// tokens: [batch, length] i64 to [batch, length, Features]
template <std::int64_t Tokens, std::int64_t Features, std::int64_t Longest>
struct placed_tokens {
  sub<"positions", sinusoidal_positions<Features, Longest>> positions;
  constexpr auto operator()(expression auto tokens) const {
    return positions(embedding(param<"weight", tensor<f32, Tokens, Features>>, tokens) /
                     rsqrt_of<Features>);
  }
};
// The same of one token each, [batch], that stands at `position`, [batch]: [batch, 1, Features]
template <std::int64_t Tokens, std::int64_t Features, std::int64_t Longest>
struct placed_token {
  constexpr auto operator()(expression auto token, expression auto position) const {
    constexpr dim batch = size<0>(token);
    auto row =
        embedding(param<"weight", tensor<f32, Tokens, Features>>, token) / rsqrt_of<Features> +
        gather(buffer<"table", tensor<f32, Longest, Features>, sinusoids<Features>>, position);
    return reshape<batch, 1, Features>(row);
  }
};

template <TranslationSize N>
struct translation_encoder {
  sub<"source_embedding", placed_tokens<N.source_tokens, N.features, N.longest>> place;
  sub<"encoder", transformer_encoder<N.features, N.heads, N.hidden, N.encoders>> encode;
  constexpr auto operator()(expression auto tokens, expression auto... lengths) const {
    return encode(place(tokens), lengths...);
  }
};

}  // namespace detail

// tokens: [batch, source] i64, then where given how many of them each row has, [batch] i64: what
// translation_step holds, [decoders, batch, source, 2 * features].
template <TranslationSize N>
struct translation_reader {
  sub<"", detail::translation_encoder<N>> encode;
  sub<"decoder", decoder_memory<N.features, N.decoders>> memory;
  constexpr auto operator()(expression auto tokens, expression auto... lengths) const {
    return memory(encode(tokens, lengths...));
  }
};

// token: [batch] i64, its position, [batch] i64, the cache and the reader's memory, and lengths.
// Returns the cache with the token in it and logits of the next token, [batch, target_tokens]: the
// results of a step program (runtime/step_program.h).
template <TranslationSize N>
struct translation_step {
  sub<"target_embedding", detail::placed_token<N.target_tokens, N.features, N.longest>> place;
  sub<"decoder", cached_decoder<N.features, N.heads, N.hidden, N.decoders>> decode;
  sub<"output", linear<N.features, N.target_tokens>> output;
  constexpr auto operator()(expression auto token, expression auto position, expression auto cache,
                            expression auto memory, expression auto... lengths) const {
    constexpr dim batch = size<0>(token);
    auto [filled, y] = decode(place(token, position), position, cache, memory, lengths...);
    return parts{filled, output(reshape<batch, N.features>(y))};
  }
};

// given: [batch, target] i64, and what the decoder attends to, [batch, source, features]: logits,
// [batch, target, target_tokens], of what follows each of the given tokens.
template <TranslationSize N>
struct forced_decoder {
  sub<"target_embedding", detail::placed_tokens<N.target_tokens, N.features, N.longest>> place;
  sub<"decoder", transformer_decoder<N.features, N.heads, N.hidden, N.decoders>> decode;
  sub<"output", linear<N.features, N.target_tokens>> output;
  constexpr auto operator()(expression auto given, expression auto memory,
                            expression auto... lengths) const {
    return output(decode(place(given), memory, lengths...));
  }
};

// tokens: [batch, source], their lengths, [batch], and a translation, [batch, target]: its logits,
// as above.
template <TranslationSize N>
struct forced_translation {
  sub<"", detail::translation_encoder<N>> encode;
  sub<"", forced_decoder<N>> decode;
  constexpr auto operator()(expression auto tokens, expression auto lengths,
                            expression auto given) const {
    return decode(given, encode(tokens, lengths), lengths);
  }
};

}  // namespace heed::nn
