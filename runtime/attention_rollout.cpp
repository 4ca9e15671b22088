#include "heed/runtime/attention_rollout.h"

#include "heed/runtime/error.h"

namespace heed {

void AttentionRollout::add(const Tensor& attention) {
  const Sizes& sizes = attention.sizes();
  const bool square =
      sizes.rank() == 4 && sizes[0] == 1 && sizes[2] == sizes[3] && sizes[1] > 0 && sizes[2] > 0;
  if (!square || attention.dtype() != DType::f32)
    throw Error("attention rollout: expected f32 [1, heads, tokens, tokens], found ",
                name_of(attention.dtype()), " ", text_of(sizes));
  if (tokens_ && sizes[2] != tokens_)
    throw Error("attention rollout: a block of ", sizes[2], " tokens follows one of ", tokens_);
  const bool first = tokens_ == 0;
  tokens_ = sizes[2];
  const std::size_t n = std::size_t(tokens_), heads = std::size_t(sizes[1]);
  const std::span<const float> weights = attention.as<float>();

  std::vector<double> next(n * n);
  std::vector<double> row(n);  // of (mean over heads + identity) / 2
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      double sum = 0;
      for (std::size_t h = 0; h < heads; ++h) sum += double(weights[(h * n + i) * n + j]);
      row[j] = 0.5 * sum / double(heads) + (i == j ? 0.5 : 0.0);
    }
    double* out = &next[i * n];
    for (std::size_t j = 0; j < n; ++j) {
      if (first) out[j] = row[j];
      else
        for (std::size_t k = 0; k < n; ++k) out[k] += row[j] * mixed_[j * n + k];
    }
  }
  mixed_ = std::move(next);
}

std::span<const double> AttentionRollout::of(std::int64_t output) const {
  if (output < 0 || output >= tokens_)
    throw Error("attention rollout: there is no token ", output, " among ", tokens_);
  return std::span(mixed_).subspan(std::size_t(output * tokens_), std::size_t(tokens_));
}

}  // namespace heed
