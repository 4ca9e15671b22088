// Where a token stands, added to what it is: without this, attention gives a permuted input a
// permuted output.
#pragma once
#include <cmath>
#include <span>

#include "heed/dsl/dsl.h"

namespace heed::nn {

// sin and cos of t / 10000^(2i / Features) in columns 2i and 2i + 1 of row t (Attention Is All You
// Need, 3.5). In double, since angles grow with t.
template <std::int64_t Features>
struct sinusoids {
  static_assert(Features % 2 == 0, "sinusoids come in pairs of sine and cosine");
  static void fill(std::span<float> out) {
    for (std::size_t n = 0; n < out.size(); ++n) {
      const auto t = double(n / Features);
      const auto column = std::int64_t(n % Features), even = column - column % 2;
      const double angle = t * std::pow(10'000.0, -double(even) / Features);
      out[n] = float(column == even ? std::sin(angle) : std::cos(angle));
    }
  }
};

// x: [batch, tokens, Features], of at most Longest tokens: more are an error of the run
template <std::int64_t Features, std::int64_t Longest = 1024>
struct sinusoidal_positions {
  constexpr auto operator()(expression auto x) const {
    constexpr dim tokens = size<1>(x);
    return x + slice<0, 0, tokens>(
                   buffer<"table", tensor<f32, Longest, Features>, sinusoids<Features>>);
  }
};

template <std::int64_t Features, std::int64_t Longest>
struct learned_positions {
  constexpr auto operator()(expression auto x) const {
    constexpr dim tokens = size<1>(x);
    return x + slice<0, 0, tokens>(param<"weight", tensor<dtype_of(x), Longest, Features>>);
  }
};

// Sines and cosines of row and column of a grid, as in DETR (its PositionEmbeddingSine with
// normalisation): [Height, Width, Features], the first half of the features for the row. A grid's
// side counts as 2 pi whatever its size, so that angles are small and are computed where they are
// needed, for symbolic sizes too.
template <std::int64_t Features, dim Side>
constexpr auto sines_along_side() {
  auto column = position<-1>();
  auto pair = column / scalar<2>;
  auto at = cast<f32>(position<-2>() + scalar<1>) / (cast<f32>(extent<Side>()) + scalar<1e-6>);
  auto angle = at * scalar<6.283185307179586> *
               // ln 10000
               exp(cast<f32>(pair) * scalar<-2 * 9.210340371976182 / double(Features)>);
  return broadcast_to<Side, Features>(where(pair * scalar<2> == column, sin(angle), cos(angle)));
}
template <dim Height, dim Width, std::int64_t Features>
constexpr auto sine_positions_2d() {
  static_assert(Features % 4 == 0,
                "a half of the features for each axis, in pairs of sine and cosine");
  constexpr std::int64_t half = Features / 2;
  auto rows = reshape<Height, 1, half>(sines_along_side<half, Height>());
  auto columns = reshape<1, Width, half>(sines_along_side<half, Width>());
  return concat<2>(broadcast_to<Height, Width, half>(rows),
                   broadcast_to<Height, Width, half>(columns));
}

}  // namespace heed::nn
