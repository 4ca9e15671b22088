// Writing sequences inside one run of a program, over any network that gives the next token's
// logits: the greedy search of runtime/decoding.h as a `loop`. For a token nothing is called,
// copied or allocated; a cache is updated in its place.
#pragma once
#include "heed/dsl/loop.h"
#include "heed/dsl/ops/activation.h"
#include "heed/dsl/ops/argmax.h"

namespace heed::nn {

namespace detail {

// One token of every row that goes on; the others read Stop again.
template <class Step, std::int64_t Stop>
struct greedy_turn {
  sub<"", Step> step;
  constexpr auto operator()(expression auto token, expression auto position, expression auto cache,
                            expression auto going, expression auto log_probability,
                            expression auto... held) const {
    auto [filled, logits] = step(token, position, cache, held...);
    auto next = where(going, argmax(logits), scalar<Stop>);
    auto likeliest = -log(sum<-1>(exp(logits - max<-1, keep>(logits))));
    auto on = going && next != scalar<Stop>;
    return parts{next,
                 position + scalar<1>,
                 filled,
                 on,
                 log_probability + where(going, likeliest, scalar<0>),
                 next,
                 on};
  }
};

}  // namespace detail

// Step: (token [batch] i64, position [batch] i64, cache [layers, batch, capacity, features], held…)
// to the cache with the token in it and logits [batch, vocabulary], such as translation_step. It
// reads Start first; Stop ends a row, and the capacity of the cache, whose elements do not matter,
// all. Of equal logits the first is taken. Returns the tokens i64 [batch, capacity], Stop and then
// 0 behind those of a row, what is left of the cache, which rows the limit cut off, bool [batch],
// the rows' log probabilities, Stop's included, f32 [batch], and the number of turns, i64.
template <class Step, std::int64_t Start, std::int64_t Stop>
struct greedy_decoder {
  constexpr auto operator()(expression auto cache, expression auto... held_in_every_turn) const {
    constexpr dim batch = size<1>(cache), capacity = size<2>(cache);
    auto zero = cast<i64>(broadcast_to<batch>(scalar<0>));
    loop<"", detail::greedy_turn<Step, Stop>, capacity> write;
    auto [token, position, filled, cut_off, log_probability, tokens, turns] =
        write(states(zero + scalar<Start>, zero, cache, zero == scalar<0>, cast<f32>(zero)),
              held(held_in_every_turn...));
    return parts{tokens, filled, cut_off, log_probability, turns};
  }
};

}  // namespace heed::nn
