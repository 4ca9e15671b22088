// Edits of attention's scores and shared heads, written as plain maths: each is one attention kernel.
#include "attention_cases.h"

using namespace heed;
using namespace heed::oracle;

namespace {

// ---- edits of every score -----------------------------------------------------------------------

struct slope {
  static constexpr float of(std::int64_t head) { return 1.0f / float(2 << head); }
  static void fill(std::span<float> out) {
    for (std::size_t h = 0; h < out.size(); ++h) out[h] = of(std::int64_t(h));
  }
};
struct alibi {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    auto bias = cast<f32>(distance) * buffer<"slopes", tensor<f32, H, 1, 1>, slope>;
    return weighted(where(distance >= scalar<0>, scores(q, k) - bias, minus_infinity), v);
  }
};

struct soft_cap {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    return weighted(tanh(scores(q, k) / scalar<5>) * scalar<5>, v);
  }
};

struct additive {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v, expression auto mask) const {
    return weighted(scores(q, k) + mask, v);
  }
};

// Relative positions, clipped: the bias is looked up in a trained table.
constexpr std::int64_t reach = 4;
struct relative_bias {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    constexpr dim queries = size<2>(q), keys = size<2>(k);
    auto clipped = minimum(maximum(-distance, scalar<-reach>), scalar<reach>) + scalar<reach>;
    auto table = param<"table", tensor<f32, 2 * reach + 1, H>>;
    auto bias = gather(table, broadcast_to<queries, keys>(clipped));
    return weighted(scores(q, k) + permute<2, 0, 1>(bias), v);
  }
};

struct many {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v, expression auto lengths) const {
    auto bias = cast<f32>(distance) * buffer<"slopes", tensor<f32, H, 1, 1>, slope>;
    auto edited = tanh(scores(q, k) / scalar<5>) * scalar<5> - bias;
    return weighted(where(position<-1>() < lengths, nn::causal::apply(edited), minus_infinity), v);
  }
};

// ---- shared heads -------------------------------------------------------------------------------

template <std::int64_t KeyHeads>
struct grouped {
  static constexpr auto shared(expression auto x) {
    constexpr dim batch = size<0>(x), tokens = size<2>(x);
    auto each = broadcast_to<batch, KeyHeads, H / KeyHeads, tokens, D>(reshape<batch, KeyHeads, 1, tokens, D>(x));
    return reshape<batch, H, tokens, D>(each);
  }
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    return weighted(scores(q, shared(k)), shared(v));
  }
};
struct multi_query {  // numpy's broadcasting shares the head
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    return weighted(nn::causal::apply(scores(q, k)), v);
  }
};

// ---- storage ------------------------------------------------------------------------------------

struct widened {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    return weighted(nn::causal::apply(scores(cast<f32>(q), cast<f32>(k))), cast<f32>(v));
  }
};

}  // namespace

TEST_CASE("alibi") {
  check<alibi, Queries, Keys, Keys>(plain([](double s, At a) {
    return a.j <= a.i ? s - double(slope::of(a.h)) * double(a.i - a.j) : dead;
  }), same);
}

TEST_CASE("soft cap") {
  check<soft_cap, Queries, Keys, Keys>(plain([](double s, At) { return 5 * std::tanh(s / 5); }), cross);
}

TEST_CASE("additive mask, one for all heads") {
  Maths m;
  m.extras = [](const Lengths& n) {
    Extras e;
    e.push_back(formula_tensor("mask", {n.batch, 1, n.queries, n.keys}));
    return e;
  };
  m.edit = [](const Lengths& n, const Extras& e) -> Edit {
    return [&e, n](double s, At a) {
      return s + double(e[0].as<float>()[std::size_t((a.b * n.queries + a.i) * n.keys + a.j)]);
    };
  };
  check<additive, Queries, Keys, Keys, tensor<f32, B, 1, T, S>>(m, cross);
}

TEST_CASE("relative bias from a table") {
  std::vector<float> table(std::size_t((2 * reach + 1) * H));
  formula_fill("table", std::vector<std::int64_t>{2 * reach + 1, H}, table);
  // Beside the attention: the indices, and looking them up.
  check<relative_bias, Queries, Keys, Keys>(plain([&](double s, At a) {
    std::int64_t row = std::clamp(a.j - a.i, -reach, reach) + reach;
    return s + double(table[std::size_t(row * H + a.h)]);
  }), cross, "attention 1 map 2");
}

TEST_CASE("cap, bias, causal and lengths together") {
  Maths m;
  m.extras = [](const Lengths& n) {
    Extras e;
    e.push_back(integers({n.batch, 1, 1, 1}, [&](std::int64_t b) { return b == 1 ? 3 : n.keys; }));
    return e;
  };
  m.edit = [](const Lengths&, const Extras& e) -> Edit {
    return [&e](double s, At a) {
      bool seen = a.j <= a.i && a.j < at(e[0], a.b);
      return seen ? 5 * std::tanh(s / 5) - double(slope::of(a.h)) * double(a.i - a.j) : dead;
    };
  };
  check<many, Queries, Keys, Keys, tensor<i64, B, 1, 1, 1>>(m, cross);
}

TEST_CASE("shared heads of keys") {
  Maths m = plain([](double s, At) { return s; });
  m.key_heads = 2;
  check<grouped<2>, Queries, tensor<f32, B, 2, S, D>, tensor<f32, B, 2, S, D>>(m, cross);
  m = plain([](double s, At a) { return a.j <= a.i ? s : dead; });
  m.key_heads = 1;
  check<multi_query, Queries, tensor<f32, B, 1, S, D>, tensor<f32, B, 1, S, D>>(m, cross);
}

TEST_CASE("stored in f16, computed in f32") {
  using halves = tensor<f16, B, H, T, D>;
  using half_keys = tensor<f16, B, H, S, D>;
  Maths m = plain([](double s, At a) { return a.j <= a.i ? s : dead; });
  m.halves = true;
  check<widened, halves, half_keys, half_keys>(m, cross);
  m.tolerance = 0x1p-11;  // its result is rounded once
  check<multi_query, halves, half_keys, half_keys>(m, cross);
  m.edit = plain([](double s, At) { return 5 * std::tanh(s / 5); }).edit;
  check<soft_cap, halves, half_keys, half_keys>(m, cross);
}
