// Dimensions: canonical forms as static_asserts, and arithmetic against evaluation with random
// symbol values.
#include "heed/dsl/graph/dim_text.h"

#include <doctest/doctest.h>

#include <random>

using namespace heed;

namespace {

constexpr Dim B{"B"}, T{"T"}, H{"H"}, W{"W"};

// Equal dimensions are equal values.
static_assert(T + T == 2 * T && T * B == B * T && 2 * (T + 1) - 2 == T * 2);
static_assert((B * T + 3 * T) - T * (B + 3) == 0);
static_assert(T / 4 * 4 == T && (4 * T + 8) / 4 == T + 2);
static_assert(!(T == B) && !(T == 1) && T - T == 0);
// Floor and ceil divisions fold into one atom.
static_assert(floor_div(floor_div(H, 2), 2) == floor_div(H, 4));
static_assert(floor_div(floor_div(H + 1, 2) + 1, 2) == floor_div(H + 3, 4));
static_assert(ceil_div(H, 4) == floor_div(H + 3, 4) &&
              ceil_div(ceil_div(H, 2), 2) == ceil_div(H, 4));
static_assert(floor_div(4 * H + 6, 4) == H + 1 && floor_div(6 * H, 4) == floor_div(3 * H, 2));
static_assert(floor_div(H + 9, 4) == floor_div(H + 1, 4) + 2 && floor_div(Dim(-1), 2) == -1);
static_assert(floor_div(H / 4, 2) == floor_div(H, 8));
// What cannot be represented is invalid, never wrong.
static_assert((B * T * H * W).invalid && (B + T + H + W).invalid);
static_assert(floor_div(B + T, 2).invalid && (Dim(5) / 2).invalid && floor_div(T, 0).invalid);
static_assert((Dim(std::int64_t(1) << 40) * Dim(std::int64_t(1) << 40)).invalid);
static_assert((T * (std::int64_t(1) << 40) * (std::int64_t(1) << 40)).invalid);
static_assert((Dim(detail::largest) + 1).invalid);

static_assert(divide_exact(6 * B * T, 3 * T) == 2 * B && !divide_exact(B + T, T) &&
              !divide_exact(6 * B, 4));
static_assert(divide_exact(H * W * 64, H * W) == Dim(64) && !divide_exact(T, 0));
static_assert(lower_bound(2 * T + 3) == 5 && lower_bound(Dim(7)) == 7 &&
              lower_bound(floor_div(H + 3, 4)) == 1);

static_assert(symbol_of_axis(B).times == 1 && symbol_of_axis(3 * B).times == 3 &&
              symbol_of_axis(3 * B).symbol == B.terms[0].factors[0].symbol);
static_assert(!symbol_of_axis(B + 1).symbol && !symbol_of_axis(B / 2).symbol &&
              !symbol_of_axis(B * T).symbol && !symbol_of_axis(floor_div(B, 2)).symbol &&
              !symbol_of_axis(B + T).symbol && !symbol_of_axis(Dim(4)).symbol);

constexpr auto two = [](std::uint64_t) { return std::optional<std::int64_t>(2); };
static_assert(evaluate(T * B + T / 2, two) == 5 && !evaluate(T / 4, two));

Dim random_dim(std::mt19937& random, int depth) {
  auto pick = [&](int n) { return int(random() % unsigned(n)); };
  const Dim symbols[] = {B, T, H, W};
  if (depth == 0) return pick(3) ? symbols[pick(4)] : Dim(1 + pick(9));
  Dim a = random_dim(random, depth - 1), b = random_dim(random, depth - 1);
  switch (pick(5)) {
    case 0: return a + b;
    case 1: return a * b;
    case 2: return a - b;
    case 3: return floor_div(a + pick(5), 1 + pick(4));
    default: return ceil_div(a * (1 + pick(3)), 1 + pick(4));
  }
}

}  // namespace

TEST_CASE("text and back") {
  CHECK(text_of(B * 64) == "64*B");
  CHECK(text_of(H * W + 1) == "H*W+1");
  CHECK(text_of(T / 4 - 2) == "T/4-2");
  CHECK(text_of(floor_div(2 * H + 3, 5)) == "floor((2*H+3)/5)");
  CHECK(text_of(Dim(0)) == "0");
  CHECK(text_of(Dim(INT64_MIN)) == "-9223372036854775808");
  std::mt19937 random(1);
  int valid = 0;
  for (int i = 0; i < 20000; ++i) {
    Dim d = random_dim(random, 3);
    if (d.invalid) continue;
    ++valid;
    std::optional<Dim> back = parse_dim(text_of(d));
    REQUIRE_MESSAGE(back.has_value(), text_of(d));
    REQUIRE_MESSAGE(*back == d, text_of(d), " read as ", text_of(*back));
  }
  CHECK(valid > 5000);
  for (const char* wrong :
       {"", "T+", "*T", "T/0", "floor((T)/)", "123456789a", "T T", "floor((T+1)/2", "2T"})
    CHECK_MESSAGE(!parse_dim(wrong), wrong);
}

TEST_CASE("arithmetic agrees with evaluation") {
  std::mt19937 random(2);
  int checked = 0;
  for (int i = 0; i < 20000; ++i) {
    Dim a = random_dim(random, 2), b = random_dim(random, 2);
    std::int64_t values[4];
    for (std::int64_t& v : values) v = 1 + std::int64_t(random() % 40);
    auto lookup = [&](std::uint64_t key) -> std::optional<std::int64_t> {
      const Dim symbols[] = {B, T, H, W};
      for (int k = 0; k < 4; ++k)
        if (Dim::symbol(key) == symbols[k]) return values[k];
      return {};
    };
    std::optional<std::int64_t> x = evaluate(a, lookup), y = evaluate(b, lookup);
    if (!x || !y) continue;
    std::int64_t k = 1 + std::int64_t(random() % 6);
    auto same = [&](const Dim& d, std::int64_t expected) {
      if (d.invalid) return;
      ++checked;
      REQUIRE_MESSAGE(evaluate(d, lookup) == expected, text_of(a), " and ", text_of(b), " give ",
                      text_of(d));
    };
    same(a + b, *x + *y);
    same(a - b, *x - *y);
    same(a * b, *x * *y);
    same(floor_div(a, k), detail::floor_of(*x, k));
    if (!(a * k).invalid) same(a * k / k, *x);
    if (*x >= 1 && !a.invalid) CHECK(lower_bound(a) <= std::max<std::int64_t>(*x, 1));
  }
  CHECK(checked > 20000);
}
