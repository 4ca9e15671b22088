// The Transformer that translates dates, a small one, and the programs it is decoded with.
#pragma once
#include "../shared/dates.h"
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

}  // namespace heed::examples
