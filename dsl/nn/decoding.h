// Writing sequences inside one run of a program, over any network that gives the next token's
// logits: the searches greedy() and sample() of runtime/decoding.h as a `loop`. For a token nothing
// is called, copied or allocated; a cache is updated in its place.
//
// Step: (token [batch] i64, position [batch] i64, cache [layers, batch, capacity, features], held…)
// to the cache with the token in it and logits [batch, vocabulary], such as translation_step. It
// reads Start first; Stop ends a row, and the capacity of the cache, whose elements do not matter,
// all. Results: the tokens i64 [batch, capacity], Stop and then 0 behind those of a row, what is
// left of the cache, which rows the limit cut off, bool [batch], the rows' log probabilities, as
// the network has them, Stop's included, f32 [batch], and the number of turns, i64. In rows that
// go on logits with a NaN among them, or whose largest is not finite, are an error of the run.
#pragma once
#include "heed/dsl/loop.h"
#include "heed/dsl/nn/sampling.h"

namespace heed::nn {

namespace detail {

// x; an error of the run where in a row that goes on the logits say nothing, so that what was summed
// up over them is NaN or without bound. All [batch].
constexpr auto said(expression auto x, expression auto summed, expression auto going) {
  auto is_number = summed > minus_infinity && summed < -minus_infinity;
  return require<"logits without NaN, the largest of them finite">(x, is_number || !going);
}

// What a turn hands on: `chosen`, at log probability `gain`, in rows that go on; the others read
// Stop again.
template <std::int64_t Stop>
constexpr auto turned(expression auto chosen, expression auto gain, expression auto position,
                      expression auto filled, expression auto going,
                      expression auto log_probability) {
  auto next = where(going, said(chosen, gain, going), scalar<Stop>);
  auto on = going && next != scalar<Stop>;
  return parts{next,
               position + scalar<1>,
               filled,
               on,
               log_probability + where(going, gain, scalar<0>),
               next,
               on};
}

// log Σ exp(logit - the largest), [batch]
constexpr auto log_sum(expression auto logits) {
  return log(sum<-1>(exp(logits - max<-1, keep>(logits))));
}

template <class Step, std::int64_t Stop>
struct greedy_turn {
  sub<"", Step> step;
  constexpr auto operator()(expression auto token, expression auto position, expression auto cache,
                            expression auto going, expression auto log_probability,
                            expression auto... held) const {
    auto [filled, logits] = step(token, position, cache, held...);
    return turned<Stop>(argmax(logits), -log_sum(logits), position, filled, going, log_probability);
  }
};

template <class Step, std::int64_t Stop>
struct sampling_turn {
  sub<"", Step> step;
  constexpr auto operator()(expression auto token, expression auto at, expression auto cache,
                            expression auto going, expression auto log_probability,
                            expression auto seed, expression auto temperature,
                            expression auto top_k, expression auto top_p,
                            expression auto... held) const {
    auto [filled, logits] = step(token, at, cache, held...);
    constexpr dim batch = size<0>(token);
    auto row = broadcast_to<batch>(position<0>());
    auto chosen = sampled(logits, seed, row, at, temperature, top_k, top_p);
    auto is_chosen = position<-1>() == reshape<batch, 1>(chosen);
    auto gain = sum<-1>(where(is_chosen, logits - max<-1, keep>(logits), scalar<0>));
    return turned<Stop>(chosen, gain - log_sum(logits), at, filled, going, log_probability);
  }
};

template <class Turn, std::int64_t Start>
constexpr auto decoded(expression auto cache, expression auto... held_in_every_turn) {
  constexpr dim batch = size<1>(cache), capacity = size<2>(cache);
  auto zero = cast<i64>(broadcast_to<batch>(scalar<0>));
  loop<"", Turn, capacity> write;
  auto [token, position, filled, cut_off, log_probability, tokens, turns] =
      write(states(zero + scalar<Start>, zero, cache, zero == scalar<0>, cast<f32>(zero)),
            held(held_in_every_turn...));
  return parts{tokens, filled, cut_off, log_probability, turns};
}

}  // namespace detail

// The likeliest token every time; of equals the first.
template <class Step, std::int64_t Start, std::int64_t Stop>
struct greedy_decoder {
  constexpr auto operator()(expression auto cache, expression auto... held) const {
    return detail::decoded<detail::greedy_turn<Step, Stop>, Start>(cache, held...);
  }
};

// Tokens that `sampled` draws in the batch's rows. The settings are scalars of the run: seed i32 or
// i64, temperature f32, top_k i32 or i64, top_p f32.
template <class Step, std::int64_t Start, std::int64_t Stop>
struct sampling_decoder {
  constexpr auto operator()(expression auto cache, expression auto seed,
                            expression auto temperature, expression auto top_k,
                            expression auto top_p, expression auto... held) const {
    return detail::decoded<detail::sampling_turn<Step, Stop>, Start>(cache, seed, temperature,
                                                                     top_k, top_p, held...);
  }
};

}  // namespace heed::nn
