// The Transformer that translates dates, a small one, and the programs it is decoded with.
#pragma once
#include "../shared/dates.h"
#include "heed/dsl/load.h"
#include "heed/dsl/nn/beam_search.h"
#include "heed/dsl/nn/translation.h"

namespace heed::examples {

inline constexpr nn::TranslationSize date_translation{
    64, 4, 128, 2, 2, source_letters, target_letters, 128};

template <nn::TranslationSize N>
struct translation_types {
  static constexpr dim B{"B"}, S{"S"}, T{"T"}, C{"C"};
  using texts = tensor<i64, B, S>;
  using lengths = tensor<i64, B>;
  using tokens = tensor<i64, B>;
  using given = tensor<i64, B, T>;
  template <std::int64_t Beams>
  using cache_of = tensor<f32, N.decoders, Beams * B, C, 2 * N.features>;
  using cache = cache_of<1>;
  using memory = tensor<f32, N.decoders, B, S, 2 * N.features>;
};

template <nn::TranslationSize N>
Program load_reader(const Options& options) {
  using types = translation_types<N>;
  return heed::load<nn::translation_reader<N>, typename types::texts, typename types::lengths>(
      options, {"texts", "lengths"});
}
template <nn::TranslationSize N>
Program load_step(const Options& options) {
  using types = translation_types<N>;
  return heed::load<nn::translation_step<N>, typename types::tokens, typename types::tokens,
                    typename types::cache, typename types::memory, typename types::lengths>(
      options, {"token", "position", "cache", "memory", "lengths"});
}

// Greedy decoding as one program.
template <nn::TranslationSize N>
Program load_writer(const Options& options) {
  using types = translation_types<N>;
  using writer = nn::greedy_decoder<nn::translation_step<N>, date_limits.start, date_limits.stop>;
  return heed::load<writer, typename types::cache, typename types::memory, typename types::lengths>(
      options, {"cache", "memory", "lengths"});
}

// The same, sampling.
template <nn::TranslationSize N>
Program load_sampler(const Options& options) {
  using types = translation_types<N>;
  using sampler =
      nn::sampling_decoder<nn::translation_step<N>, date_limits.start, date_limits.stop>;
  return heed::load<sampler, typename types::cache, tensor<i64>, tensor<f32>, tensor<i64>,
                    tensor<f32>, typename types::memory, typename types::lengths>(
      options, {"cache", "seed", "temperature", "top_k", "top_p", "memory", "lengths"});
}

// The likeliest translations by beam search.
template <nn::TranslationSize N, std::int64_t Beams>
Program load_searcher(const Options& options) {
  using types = translation_types<N>;
  using searcher =
      nn::beam_decoder<nn::translation_step<N>, date_limits.start, date_limits.stop, Beams>;
  return heed::load<searcher, typename types::template cache_of<Beams>, tensor<f32>,
                    typename types::memory, typename types::lengths>(
      options, {"cache", "length_penalty", "memory", "lengths"});
}

}  // namespace heed::examples
