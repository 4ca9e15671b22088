// Drawing tokens from a network's logits inside the program, as sample() of runtime/decoding.h
// draws them beside it. The token whose score plus Gumbel noise is the largest has softmax's
// probabilities (Maddison et al., "A* Sampling", NIPS 2014, section 2), so that nothing is sorted
// or summed up along the vocabulary.
#pragma once
#include <span>

#include "heed/dsl/ops/activation.h"
#include "heed/dsl/ops/argmax.h"
#include "heed/dsl/ops/random.h"
#include "heed/dsl/ops/require.h"
#include "heed/dsl/scan.h"

namespace heed::nn {

namespace detail {

// A score so far below the best is never drawn: noise of 23 bits differs by 19.5 at most.
inline constexpr double reach = 32;

// Halves, quarters … of `reach`, down to what a float near 1 can tell apart.
struct halvings {
  static constexpr std::int64_t count = 30;
  static constexpr void fill(std::span<float> digits) {
    float value = float(reach);
    for (float& digit : digits) digit = value /= 2;
  }
};

// One binary digit more of `low`, [rows, 1]: the highest threshold so far from which on the scores
// of a row weigh `goal`. Without weights each of them weighs 1.
struct threshold_digit {
  constexpr auto operator()(expression auto low, expression auto digit, expression auto scores,
                            expression auto goal, expression auto... weights) const {
    auto higher = low + digit;
    auto weight = sum<-1, keep>(weigh(scores >= higher, weights...));
    return where(weight >= goal, higher, low);
  }

 private:
  static constexpr auto weigh(expression auto counts) { return cast<f32>(counts); }
  static constexpr auto weigh(expression auto counts, expression auto weights) {
    return where(counts, weights, scalar<0>);
  }
};

// The fewest of the highest scores, at most 0, that weigh `goal`, and their equals; -∞ instead of
// the others. All of them where `goal` is not reached.
constexpr auto highest(expression auto scores, expression auto goal, expression auto... weights) {
  constexpr dim rows = size<0>(scores);
  scan<"", threshold_digit, 0> find;
  auto threshold = find(states(broadcast_to<rows, 1>(scalar<-reach>)),
                        steps(buffer<"halvings", tensor<f32, halvings::count>, halvings>),
                        held(scores, goal, weights...));
  return where(scores < threshold, minus_infinity, scores);
}

// Row r draws under seed + r row_stride, modulo 2^32: odd, so that all rows differ, and not the
// number that Philox adds from round to round. runtime/decoding.cpp has it too.
inline constexpr std::int64_t row_stride = std::int32_t(0xc2b2ae35);

template <bool LimitsNumber, bool LimitsShare>
struct draw {
  constexpr auto operator()(expression auto logits, expression auto seed, expression auto row,
                            expression auto step, expression auto temperature,
                            expression auto top_k, expression auto top_p) const {
    constexpr dim rows = size<0>(logits);
    auto scores = (logits - max<-1, keep>(logits)) / temperature;
    auto of_row = reshape<rows, 1>(cast<i32>(seed) + cast<i32>(row) * scalar<row_stride>);
    auto uniform =
        random<f32>(of_row, cast<i32>(position<-1>()), reshape<rows, 1>(cast<i32>(step)));
    return argmax(share<LimitsShare>(number<LimitsNumber>(scores, top_k), top_p) -
                  log(-log(uniform)));
  }

 private:
  template <bool Limits>
  static constexpr auto number(expression auto scores, [[maybe_unused]] expression auto top_k) {
    if constexpr (!Limits) return scores;
    else return highest(scores, top_k);
  }
  template <bool Limits>
  static constexpr auto share(expression auto scores, [[maybe_unused]] expression auto top_p) {
    if constexpr (!Limits) return scores;
    else {
      auto weights = exp(scores);
      auto goal = top_p * sum<-1, keep>(weights);
      return highest(scores, where(top_p < scalar<1>, goal, -minus_infinity), weights);
    }
  }
};

// ---- settings: numbers of the language, or tensors of the run -----------------------------------

inline constexpr auto is_positive = [](auto t) { return t > scalar<0> && t < -minus_infinity; };
inline constexpr auto is_not_negative = [](auto k) { return k >= scalar<0>; };
inline constexpr auto is_share = [](auto p) { return p > scalar<0> && p <= scalar<1>; };

// A number of tokens that nothing reaches for one that is 0.
template <double Value>
constexpr auto limit(scalar_value<Value> top_k) {
  return top_k;
}
constexpr auto limit(expression auto top_k) {
  auto k = cast<f32>(top_k);
  return where(k == scalar<0>, -minus_infinity, k);
}

template <text Expected, double Value>
constexpr auto setting(scalar_value<Value>, auto) {
  return applied<ops::constant<Value, f32>>{};  // judged when compiling
}
template <text Expected>
constexpr auto setting(expression auto x, auto condition) {
  return require<Expected>(x, condition(x));
}

// A setting's number; 1, which all of them may be, for a tensor.
template <class A>
inline constexpr double number_of = 1;
template <double Value>
inline constexpr double number_of<scalar_value<Value>> = Value;

template <class Temperature, class TopK, class TopP>
struct SettingsCheck {
  static constexpr double t = number_of<Temperature>, k = number_of<TopK>, p = number_of<TopP>;
  static constexpr graph::Inferred inferred{
      {},
      !(t > 0 && t < infinity)      ? graph::problem(message::temperature_not_positive)
      : k < 0                       ? graph::problem(message::top_k_negative)
      : !graph::is_whole(k)         ? graph::problem(message::needs_whole_number)
      : !(p > 0 && p <= 1)          ? graph::problem(message::top_p_out_of_range)
                                    : graph::no_problem};
  static constexpr bool ok = !inferred.problem;
};

}  // namespace detail

// A token of each row, i64 [batch], of logits f32 [batch, vocabulary] that are divided by the
// temperature: of the top_k likeliest (0: of all), and of these of the fewest, likeliest first,
// whose probabilities sum up to top_p; equals of the last one, to 3e-8 or a float's rounding, are
// among them. It depends on seed, integer [], row and step, integer [batch], alone. Settings are
// numbers, scalar<0.8>, or tensors [] of the run, where one that makes no sense is an error. Of
// logits with a NaN among them, or whose largest is not finite, any token may come: the decoders of
// decoding.h refuse them.
template <operand Temperature, operand TopK, operand TopP>
  requires detail::SettingsCheck<Temperature, TopK, TopP>::ok
constexpr auto sampled(expression auto logits, expression auto seed, expression auto row,
                       expression auto step, Temperature temperature, TopK top_k, TopP top_p) {
  using namespace detail;
  sub<"", draw<!std::is_same_v<TopK, scalar_value<0.0>>, !std::is_same_v<TopP, scalar_value<1.0>>>>
      token;
  return token(logits, seed, row, step,
               setting<"a finite temperature above 0">(temperature, is_positive),
               setting<"top-k of 0 (all tokens) or more">(limit(top_k), is_not_negative),
               setting<"top-p above 0 and up to 1">(top_p, is_share));
}
template <operand Temperature, operand TopK, operand TopP>
  requires(!detail::SettingsCheck<Temperature, TopK, TopP>::ok)
refused<heed::detail::error<text("sampled"), detail::SettingsCheck<Temperature, TopK, TopP>>>
sampled(expression auto logits, expression auto seed, expression auto row, expression auto step,
        Temperature temperature, TopK top_k, TopP top_p);

}  // namespace heed::nn
