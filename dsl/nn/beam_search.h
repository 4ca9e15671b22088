// Beam search inside one run of a program, over the steps of decoding.h: beam_search() of
// runtime/decoding.h as a `loop`. An input's beams are rows side by side. Where one goes on from
// another the rows of the cache change places: all of them are copied, in every turn, from one of
// two buffers into the other.
#pragma once
#include "heed/dsl/nn/decoding.h"

namespace heed::nn {

namespace detail {

// ---- lists of the best --------------------------------------------------------------------------

// Elements of the rows of a table [rows, n] at `places` [rows, m].
constexpr auto picked(expression auto table, expression auto places) {
  constexpr dim rows = size<0>(table), n = size<1>(table);
  return gather(reshape<rows * n>(table), position<0>() * extent<n>() + places);
}

// Where the Count largest of each row, [rows, n], stand, largest first, of equals the first:
// [rows, Count], up to n. By counting what comes before, n² comparisons: for few of them.
template <std::int64_t Count>
struct ranked {
  constexpr auto operator()(expression auto scores) const {
    constexpr dim rows = size<0>(scores), n = size<1>(scores);
    auto other = reshape<rows, 1, n>(scores);
    auto own = reshape<rows, n, 1>(scores);
    auto before = other > own || (other == own && position<-1>() < position<-2>());
    auto rank = reshape<rows, 1, n>(sum<-1>(cast<f32>(before)));
    auto place = cast<f32>(broadcast_to<rows, Count, 1>(position<1>()));
    return min<-1>(where(rank == place, position<-1>(), extent<n>()));
  }
};

// The largest of each row, [rows, vocabulary], behind one, [rows], that stands at `at`.
struct next_largest {
  constexpr auto operator()(expression auto value, expression auto at, expression auto,
                            expression auto scores) const {
    constexpr dim rows = size<0>(scores), vocabulary = size<1>(scores);
    auto last = reshape<rows, 1>(value);
    auto open = scores < last || (scores == last && position<-1>() > reshape<rows, 1>(at));
    auto largest = max<-1, keep>(where(open, scores, minus_infinity));
    // Where nothing is left, the last one.
    auto next =
        min<-1>(where(open && scores == largest, position<-1>(), extent<vocabulary>() - scalar<1>));
    auto found = reshape<rows>(largest);
    return parts{found, next, found, next};
  }
};

// What may follow in rows, [rows], of a log probability so far, -∞ where a row has ended, by the
// step's logits, [rows, vocabulary]: the Count likeliest tokens, likeliest first, and the log
// probabilities with them, -∞ where no token is left: both [rows, Count].
template <std::int64_t Count>
struct continuations {
  scan<"", next_largest, 0> find;
  constexpr auto operator()(expression auto so_far, expression auto logits) const {
    constexpr dim rows = size<0>(logits);
    auto zero = broadcast_to<rows>(scalar<0>);
    auto [value, at, values, tokens] =
        find(states(cast<f32>(zero) - minus_infinity, cast<i64>(zero) - scalar<1>),
             steps(broadcast_to<Count>(position<0>())), held(logits));
    auto found = transpose(values);
    auto sum = log_sum(logits);
    auto weight = reshape<rows, 1>(said(sum, sum, so_far > minus_infinity));
    auto before = reshape<rows, 1>(so_far);
    auto longer = before + (found - slice<1, 0, 1>(found) - weight);
    return parts{transpose(tokens),
                 where(before > minus_infinity && found > minus_infinity, longer, minus_infinity)};
  }
};

// ---- one turn -----------------------------------------------------------------------------------

// The 2 Beams likeliest continuations of each input, likeliest first, of so many of each of its
// rows, [batch, Beams * n] both: tokens, log probabilities and the rows they continue, all [batch,
// 2 Beams]. One in a row is Stop, so that half of them at least go on.
template <std::int64_t Beams>
struct likeliest {
  constexpr auto operator()(expression auto tokens, expression auto log_probability) const {
    constexpr dim each = size<1>(tokens) / Beams;
    auto best = sub<"", ranked<2 * Beams>>{}(log_probability);
    return parts{picked(tokens, best), picked(log_probability, best),
                 position<0>() * scalar<Beams> + best / extent<each>()};
  }
};

template <std::int64_t Count>
constexpr auto first(expression auto x) {
  return slice<1, 0, Count>(x);
}

// An input's complete sequences, [batch, Beams], best first: scores, -∞ where there is none, log
// probabilities, numbers of tokens and the rows in which the last of them were written; what the
// likeliest continuations add to them: those of the first Beams that are Stop. position: [batch, 1]
template <std::int64_t Stop, std::int64_t Beams>
struct completed {
  constexpr auto operator()(expression auto score, expression auto log_probability,
                            expression auto length, expression auto row, expression auto token,
                            expression auto likely, expression auto from, expression auto position,
                            expression auto penalty) const {
    constexpr dim batch = size<0>(score);
    auto added = first<Beams>(likely);
    auto added_score = added / pow(cast<f32>(position + scalar<1>), penalty);
    auto stops = first<Beams>(token) == scalar<Stop>;
    auto scores = concat<1>(score, where(stops, added_score, minus_infinity));
    auto best = sub<"", ranked<Beams>>{}(scores);
    return parts{picked(scores, best), picked(concat<1>(log_probability, added), best),
                 picked(concat<1>(length, broadcast_to<batch, Beams>(position)), best),
                 picked(concat<1>(row, first<Beams>(from)), best)};
  }
};

// The Beams likeliest continuations that go on: log probabilities, tokens and rows, [batch, Beams].
template <std::int64_t Stop, std::int64_t Beams>
struct continued {
  constexpr auto operator()(expression auto token, expression auto likely,
                            expression auto from) const {
    auto going = where(token == scalar<Stop>, minus_infinity, likely);
    auto best = sub<"", ranked<Beams>>{}(going);
    return parts{picked(going, best), picked(token, best), picked(from, best)};
  }
};

// A cache with its rows in the order `from`, [rows].
constexpr auto in_order(expression auto cache, expression auto from) {
  constexpr dim layers = size<0>(cache), rows = size<1>(cache), capacity = size<2>(cache),
                features = size<3>(cache);
  auto of_layers = position<0>() * extent<rows>() + broadcast_to<layers, rows>(from);
  return gather(reshape<layers * rows, capacity, features>(cache), of_layers);
}

template <class Step, std::int64_t Stop, std::int64_t Beams>
struct beam_turn {
  sub<"", Step> step;
  sub<"", continuations<Beams + 1>> follow;
  sub<"", likeliest<Beams>> choose;
  sub<"", completed<Stop, Beams>> complete;
  sub<"", continued<Stop, Beams>> go_on;
  // token, at, from, so_far: [rows]; score, probability, length, row: of complete sequences
  constexpr auto operator()(expression auto token, expression auto at, expression auto cache,
                            expression auto from, expression auto so_far, expression auto score,
                            expression auto probability, expression auto length,
                            expression auto row, expression auto penalty,
                            expression auto... held) const {
    constexpr dim rows = size<0>(token), batch = size<0>(score), capacity = size<2>(cache);
    auto [filled, logits] = step(token, at, in_order(cache, from), held...);
    auto [tokens, longer] = follow(so_far, logits);
    constexpr std::int64_t all = Beams * (Beams + 1);
    auto [likely_token, likely, likely_row] =
        choose(reshape<batch, all>(tokens), reshape<batch, all>(longer));
    auto position_of_input = first<1>(reshape<batch, Beams>(at));
    auto [next_score, next_probability, next_length, next_row] =
        complete(score, probability, length, row, likely_token, likely, likely_row,
                 position_of_input, penalty);
    auto [live, live_token, live_row] = go_on(likely_token, likely, likely_row);
    // Log probabilities only fall, and a longer sequence's is divided by capacity^penalty at most.
    auto worst = slice<1, Beams - 1, Beams>(next_score);
    auto bound = first<1>(live) / pow(cast<f32>(extent<capacity>()), penalty);
    auto decided = worst > minus_infinity && bound <= worst;
    auto goes = reshape<rows>(live > minus_infinity && !decided);
    auto next_token = where(goes, reshape<rows>(live_token), scalar<Stop>);
    auto next_from = where(goes, reshape<rows>(live_row), position<0>());
    return parts{next_token,
                 at + scalar<1>,
                 filled,
                 next_from,
                 where(goes, reshape<rows>(live), minus_infinity),
                 next_score,
                 next_probability,
                 next_length,
                 next_row,
                 next_token,
                 next_from,
                 goes};
  }
};

// ---- around the turns ---------------------------------------------------------------------------

// x with each index of its axis of size Batch `Beams` times, side by side.
template <class T, Dim Batch, std::int64_t Beams>
struct OfBeams {
  static constexpr const TensorType& given = type_of<T>;
  static constexpr int axis = [] {
    int found = given.shape.rank;
    for (int a = given.shape.rank; a-- > 0;)
      if (given.shape.dims[a] == Batch) found = a;
    return found;
  }();
  template <Dim... Around>
  struct Cut {
    static constexpr TensorType type = [] {
      TensorType t{given.dtype, {}};
      for (int a = 0; a < given.shape.rank; ++a)
        if (a != axis) t.shape.append(given.shape.dims[a]);
        else (t.shape.append(Around), ...);
      return t;
    }();
  };
  template <Dim... Around>
  using cut = heed::detail::tensor_from<Cut<Around...>>;
};
template <Dim Batch, std::int64_t Beams, expression X>
constexpr auto of_beams(X) {
  using Of = OfBeams<typename X::type, Batch, Beams>;
  using Apart = applied<ops::reshape<typename Of::template cut<Batch, Dim(1)>>, X>;
  using Beside = applied<ops::broadcast<typename Of::template cut<Batch, Dim(Beams)>>, Apart>;
  return applied<ops::reshape<typename Of::template cut<Batch * Beams>>, Beside>{};
}

// The tokens of sequences, back from the rows, [sequences], in which their last ones were written.
template <std::int64_t Stop>
struct token_before {
  constexpr auto operator()(expression auto row, expression auto tokens, expression auto from,
                            expression auto at, expression auto length) const {
    auto written = at < length;
    return parts{where(written, gather(from, row), row),
                 where(written, gather(tokens, row), scalar<Stop>)};
  }
};

}  // namespace detail

// The Beams best sequences of each input, best first. Cache: [layers, batch * Beams, capacity,
// features], whose elements do not matter; length_penalty: f32 []; held tensors are those of the
// batch: of each the first axis of its size is seen by all beams of an input, which copies nothing.
// In a turn the Beams likeliest continuations of an input count, of equals those of the first row,
// then the first token: Stop completes a sequence, and as many as before go on. One beam without a
// penalty is greedy_decoder. Sequences are ranked by log probability / length^length_penalty, Stop
// counted; those that the capacity cuts off come last, if there is room. Results: tokens i64
// [batch, Beams, capacity], Stop behind those of a sequence; which were cut off, bool, and log
// probabilities, Stop's included, f32, -∞ where there are no more sequences, both [batch, Beams];
// the number of turns, i64. Log probabilities are sums of f32: what differs by less is equal.
template <class Step, std::int64_t Start, std::int64_t Stop, std::int64_t Beams>
struct beam_decoder {
  static_assert(Beams > 0, "a beam search has one beam at least");
  scan<"", detail::token_before<Stop>, 1, true> trace;
  static constexpr graph::Problem check(const TensorType& cache, const auto&...) {
    if (cache.shape.rank != 4)
      return graph::problem(message::rank_differs, Dim(cache.shape.rank), Dim(4));
    if ((cache.shape.dims[1] / Beams).invalid)
      return graph::problem(message::does_not_split, cache.shape.dims[1], Dim(Beams));
    return graph::no_problem;
  }
  constexpr auto operator()(expression auto cache, expression auto length_penalty,
                            expression auto... held_in_every_turn) const {
    using namespace detail;
    constexpr dim rows = size<1>(cache), batch = rows / Beams, capacity = size<2>(cache);
    auto penalty = require<"a length penalty of 0 or more">(
        length_penalty, length_penalty >= scalar<0> && length_penalty < -minus_infinity);
    auto zero = cast<i64>(broadcast_to<rows>(scalar<0>));
    auto none = cast<i64>(broadcast_to<batch, Beams>(scalar<0>));
    auto never = cast<f32>(none) + minus_infinity;
    auto own = zero + position<0>();
    // Rows begin alike: one of them goes on.
    auto so_far = reshape<rows>(where(none + position<1>() == scalar<0>, cast<f32>(none), never));
    loop<"", beam_turn<Step, Stop, Beams>, capacity> write;
    auto [token, at, filled, last_from, live, score, probability, length, row, tokens, from,
          turns] =
        write(states(zero + scalar<Start>, zero, cache, own, so_far, never, never, none, none),
              held(penalty, of_beams<batch, Beams>(held_in_every_turn)...));
    auto complete = sum<1, keep>(cast<f32>(score > minus_infinity));
    auto place = cast<f32>(broadcast_to<batch, Beams>(position<1>()));
    auto cut_off = place >= complete;
    auto of = cast<i64>(where(cut_off, place + scalar<Beams> - complete, place));
    auto log_probability = picked(concat<1>(probability, reshape<batch, Beams>(live)), of);
    auto exists = log_probability > minus_infinity;
    auto end = picked(concat<1>(row, reshape<batch, Beams>(own)), of);
    auto count =
        where(exists, where(cut_off, none + turns, picked(concat<1>(length, none), of)), none);
    auto [begin, written] = trace(states(reshape<rows>(end)),
                                  steps(tokens, from, broadcast_to<1, capacity>(position<1>())),
                                  held(reshape<rows>(count)));
    return parts{reshape<batch, Beams, capacity>(written), cut_off && exists, log_probability,
                 turns};
  }
};

}  // namespace heed::nn
