// Edits of attention's scores and shared heads, written as plain maths: each is one attention
// kernel.
#include "../runtime/must_throw.h"
#include "../runtime/random.h"
#include "attention_cases.h"
#include "heed/dsl/nn/relative_positions.h"

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
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto mask) const {
    return weighted(scores(q, k) + mask, v);
  }
};

// Relative positions, clipped: the bias is looked up in a trained table.
constexpr std::int64_t reach = 4;
struct relative_bias {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    auto clipped = minimum(maximum(-distance, scalar<-reach>), scalar<reach>) + scalar<reach>;
    auto table = param<"table", tensor<f32, 2 * reach + 1, H>>;
    return weighted(nn::with_relative_bias(scores(q, k), table, clipped), v);
  }
};
// Every offset has a row of its own, of which neither the table's nor the scores' sizes are known.
struct offset_bias {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto table) const {
    auto row = nn::offset_of_key + extent<size<2>(q)>() - scalar<1>;
    return weighted(nn::with_relative_bias(scores(q, k), table, row), v);
  }
};
// T5's decoder, its heads of keys shared.
struct bucket_bias {
  using buckets = nn::distance_buckets<32, 128, false>;
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const;
};
// Rows of keys that are seen are in the table, some of those that are not are no rows.
struct seen_bias {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    auto table = param<"table", tensor<f32, 40, H>>;
    auto seen = distance >= scalar<0> && distance <= scalar<30>;
    return weighted(
        where(seen, nn::with_relative_bias(scores(q, k), table, distance), minus_infinity), v);
  }
};
struct unseen_bias {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    auto table = param<"table", tensor<f32, 40, H>>;
    return weighted(nn::causal::apply(nn::with_relative_bias(scores(q, k), table, distance)), v);
  }
};

struct many {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto lengths) const {
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
    auto each = broadcast_to<batch, KeyHeads, H / KeyHeads, tokens, D>(
        reshape<batch, KeyHeads, 1, tokens, D>(x));
    return reshape<batch, H, tokens, D>(each);
  }
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    return weighted(scores(q, shared(k)), shared(v));
  }
};
constexpr auto bucket_bias::operator()(expression auto q, expression auto k,
                                       expression auto v) const {
  auto table = param<"table", tensor<f32, 32, H>>;
  auto biased = nn::with_relative_bias(scores(q, grouped<2>::shared(k)), table,
                                       buckets::of(nn::offset_of_key));
  return weighted(nn::causal::apply(biased), grouped<2>::shared(v));
}
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
  check<soft_cap, Queries, Keys, Keys>(plain([](double s, At) { return 5 * std::tanh(s / 5); }),
                                       cross);
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
  check<relative_bias, Queries, Keys, Keys>(plain([&](double s, At a) {
    std::int64_t row = std::clamp(a.j - a.i, -reach, reach) + reach;
    return s + double(table[std::size_t(row * H + a.h)]);
  }), cross);
}

TEST_CASE("relative bias, a row for every offset") {
  Maths m;
  auto rows = [](const Lengths& n) { return n.queries + n.keys - 1; };
  m.extras = [=](const Lengths& n) {
    Extras e;
    e.push_back(formula_tensor("offsets", {rows(n), H}));
    return e;
  };
  m.edit = [](const Lengths& n, const Extras& e) -> Edit {
    return [&e, n](double s, At a) {
      return s + double(e[0].as<float>()[std::size_t((a.j - a.i + n.queries - 1) * H + a.h)]);
    };
  };
  check<offset_bias, Queries, Keys, Keys, tensor<f32, T + S - 1, H>>(m, cross);
}

TEST_CASE("relative bias by buckets, causal, heads of keys shared, any lengths") {
  std::vector<float> table(std::size_t(32 * H));
  formula_fill("table", std::vector<std::int64_t>{32, H}, table);
  Maths m = plain([&](double s, At a) {  // in floating point, as T5 says it
    const std::int64_t back = a.i - a.j;
    if (back < 0) return dead;
    const double far =
        16 + std::floor(std::log(double(back) / 16) / std::log(128.0 / 16) * 16 + 1e-9);
    const auto bucket = back < 16 ? back : std::int64_t(std::min(31.0, far));
    return s + double(table[std::size_t(bucket * H + a.h)]);
  });
  m.key_heads = 2;
  std::vector<Lengths> any = cross;
  testing::Random random(22);
  auto upTo = [&](std::size_t most) { return std::int64_t(1 + random.below(most)); };
  for (int n = 0; n < 20; ++n) any.push_back({upTo(2), upTo(90), upTo(200)});
  check<bucket_bias, Queries, tensor<f32, B, 2, S, D>, tensor<f32, B, 2, S, D>>(m, any);
}

TEST_CASE("an index outside of the table fails the run where its key is seen") {
  for (const std::string& target : targets({"host", "x86-64-avx2", "x86-64", "reference"})) {
    CAPTURE(target);
    Options options;
    options.target = target;
    auto run = [&](Program program, std::int64_t queries, std::int64_t keys) {
      Session session = program.bind(formula_checkpoint(program.parameters()));
      Tensor q = formula_tensor("q", {1, H, queries, D}), k = formula_tensor("k", {1, H, keys, D});
      const std::vector<const Tensor*> inputs = {&q, &k, &k};
      (void)session.run(inputs);
    };
    run(load<seen_bias, Queries, Keys, Keys>(options), 70, 90);
    testing::check_error([&] { run(load<unseen_bias, Queries, Keys, Keys>(options), 41, 3); },
                         {"index"});
    run(load<unseen_bias, Queries, Keys, Keys>(options), 40, 3);
  }
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
