// A recurrent network that writes a token at a time: a GRU reads the token before and a context,
// which is given, or a new mean of a memory in every step (Bahdanau et al. 2015).
#pragma once
#include "heed/dsl/nn/bahdanau_attention.h"
#include "heed/dsl/nn/recurrent_cell.h"

namespace heed::examples {

struct WriterSize {
  // of a token, of a vector of the memory, inside the scores
  std::int64_t tokens, width, memory, state, attention;
};

// state: [batch, N.state], token: [batch] i64, context: [batch, N.memory]. Returns the next state
// and logits of the next token, [batch, N.tokens].
template <WriterSize N>
struct writer_step {
  sub<"rnn", nn::gru_cell<N.width + N.memory, N.state>> rnn;
  sub<"output", nn::linear<N.state + N.memory, N.tokens>> output;
  constexpr auto operator()(expression auto state, expression auto token,
                            expression auto context) const {
    auto read = embedding(param<"embedding.weight", tensor<f32, N.tokens, N.width>>, token);
    auto [next, same] = rnn(state, concat<-1>(read, context));
    return parts{next, output(concat<-1>(next, context))};
  }
};

// memory: [batch, places, N.memory], then how many places each row has, [batch] i64, where they are
// not all. Returns the places' weights too, [batch, places].
template <WriterSize N>
struct attending_writer_step {
  sub<"attention", nn::bahdanau_attention<N.state, N.memory, N.attention>> attention;
  sub<"", writer_step<N>> write;
  constexpr auto operator()(expression auto state, expression auto token, expression auto memory,
                            expression auto... lengths) const {
    auto [context, weights] = attention(state, memory, lengths...);
    auto [next, logits] = write(state, token, context);
    return parts{next, logits, weights};
  }
};

// The program of a step: token, state, memory and lengths in a step program's order.
template <WriterSize N>
struct attending_writer {
  sub<"decoder", attending_writer_step<N>> decoder;
  constexpr auto operator()(expression auto token, expression auto state, expression auto memory,
                            expression auto... lengths) const {
    return decoder(state, token, memory, lengths...);
  }
};

// Teacher forcing: logits of what follows each of the given tokens, [batch, given]. Reading gives
// the memory first and the first state last.
template <class Reading, WriterSize N>
struct forced_attending_writer {
  sub<"", Reading> read;
  scan<"decoder", attending_writer_step<N>> decoder;
  constexpr auto operator()(expression auto x, expression auto given) const {
    auto [memory, first] = read(x);
    auto [last, logits, weights] = decoder(states(first), steps(given), held(memory));
    return logits;
  }
  constexpr auto operator()(expression auto x, expression auto lengths,
                            expression auto given) const {
    auto [memory, summary, first] = read(x, lengths);
    auto [last, logits, weights] = decoder(states(first), steps(given), held(memory, lengths));
    return logits;
  }
};

}  // namespace heed::examples
