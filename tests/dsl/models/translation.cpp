// One token of a translation: the decoder with its cache holds what a decoder of the whole text
// holds.
#include "heed/dsl/nn/translation.h"

using namespace heed;

namespace {

constexpr nn::TranslationSize size{64, 4, 128, 2, 2, 40, 14, 64};
constexpr dim B{"B"}, C{"C"}, S{"S"};
using rows = tensor<i64, B>;
using cache = tensor<f32, size.decoders, B, C, 2 * size.features>;
using memory = tensor<f32, size.decoders, B, S, 2 * size.features>;

constexpr auto& step = manifest<nn::translation_step<size>, rows, rows, cache, memory, rows>;
constexpr auto& whole =
    manifest<nn::forced_decoder<size>, tensor<i64, B, C>, tensor<f32, B, S, size.features>, rows>;
static_assert(step.size == whole.size);

}  // namespace
