// 16-bit floats: every value there and back, and rounding to the nearest of its neighbours.
#include "heed/runtime/half.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "random.h"

namespace {

bool is_nan(std::uint16_t bits, int exponent_bits) {
  const int fraction_bits = 15 - exponent_bits;
  const int magnitude = bits & 0x7FFF;
  return magnitude > ((1 << exponent_bits) - 1) << fraction_bits;
}

// Whether `bits` is the nearest to `value` of all halves, even ones at ties. `widen` reads a half.
template <class Widen>
bool nearest(float value, std::uint16_t bits, Widen&& widen) {
  const double exact = value, error = std::abs(double(widen(bits)) - exact);
  for (int step : {-1, 1}) {
    const auto other = static_cast<std::uint16_t>(bits + step);
    if ((other ^ bits) & 0x8000) continue;
    const float neighbour = widen(other);
    if (!std::isfinite(neighbour)) continue;
    const double other_error = std::abs(double(neighbour) - exact);
    if (other_error < error || (other_error == error && (bits & 1))) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("half: all 65536 values survive") {
  int wrong = 0;
  for (int i = 0; i < 65536; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    if (is_nan(bits, 5))
      wrong += !std::isnan(heed::half_to_float(bits)) ||
               !is_nan(heed::float_to_half(heed::half_to_float(bits)), 5);
    else wrong += heed::float_to_half(heed::half_to_float(bits)) != bits;
    if (is_nan(bits, 8))
      wrong += !std::isnan(heed::bfloat_to_float(bits)) ||
               !is_nan(heed::float_to_bfloat(heed::bfloat_to_float(bits)), 8);
    else wrong += heed::float_to_bfloat(heed::bfloat_to_float(bits)) != bits;
  }
  CHECK(wrong == 0);
}

TEST_CASE("half: rounds to nearest, ties to even") {
  CHECK(heed::half_to_float(0x3C00) == 1.0f);
  CHECK(heed::half_to_float(0x0001) == 0x1p-24f);
  CHECK(heed::half_to_float(0x7BFF) == 65504.0f);
  CHECK(heed::float_to_half(65519.0f) == 0x7BFF);
  CHECK(heed::float_to_half(65520.0f) == 0x7C00);
  CHECK(heed::float_to_half(-1e30f) == 0xFC00);
  CHECK(heed::float_to_half(0x1p-25f) == 0);
  CHECK(heed::float_to_half(0x1.8p-24f) == 2);
  CHECK(heed::float_to_bfloat(std::numeric_limits<float>::infinity()) == 0x7F80);
  heed::testing::Random random(1);
  int wrong = 0;
  for (int i = 0; i < 200'000; ++i) {
    const auto bits = static_cast<std::uint32_t>(random.next());
    const float any = std::bit_cast<float>(bits);
    const float small = std::ldexp(float(bits >> 8) * 0x1p-24f, int(bits & 63) - 40);
    if (std::isfinite(any) && std::abs(any) < 3e38f)
      wrong += !nearest(any, heed::float_to_bfloat(any), heed::bfloat_to_float);
    if (std::abs(small) < 65504)
      wrong += !nearest(small, heed::float_to_half(small), heed::half_to_float);
  }
  CHECK(wrong == 0);
}
