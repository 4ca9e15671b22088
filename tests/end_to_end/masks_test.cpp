// Masks of attention, written as plain maths: each is one attention kernel, and queries without a
// live key give zeros.
#include "attention_cases.h"
#include "heed/runtime/profile.h"

using namespace heed;
using namespace heed::oracle;

namespace {

// ---- masks by position --------------------------------------------------------------------------

template <int Width>
struct sliding_window {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    return weighted(nn::window<Width>::apply(scores(q, k)), v);
  }
};

// The mask as something to be added, and the other way round.
struct additive_causal {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    return weighted(scores(q, k) + where(distance >= scalar<0>, scalar<0>, minus_infinity), v);
  }
};
template <int Width>
struct excluding {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    auto unseen = distance < scalar<0> || distance >= scalar<Width>;
    return weighted(where(unseen, minus_infinity, scores(q, k)), v);
  }
};
struct key_padding {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto padding) const {
    constexpr dim batch = size<0>(padding), keys = size<1>(padding);
    return weighted(where(reshape<batch, 1, 1, keys>(padding), minus_infinity, scores(q, k)), v);
  }
};

// Every other three keys, from 10 ahead to 30 back.
struct dilated {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    auto three = distance / scalar<3>;  // rounded down
    auto seen = distance >= scalar<-10> && distance <= scalar<30> &&
                three / scalar<2> * scalar<2> == three;
    return weighted(where(seen, scores(q, k), minus_infinity), v);
  }
};

// The last query sees all keys: the first ones may see none.
struct causal_from_the_end {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    constexpr dim queries = size<2>(q), keys = size<2>(k);
    auto offset = extent<keys>() - extent<queries>();
    return weighted(where(position<-1>() <= position<-2>() + offset, scores(q, k), minus_infinity),
                    v);
  }
};

// ---- masks that data bound ----------------------------------------------------------------------

struct key_lengths {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto lengths) const {
    return weighted(where(position<-1>() < lengths, scores(q, k), minus_infinity), v);
  }
};

struct prefix {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto length) const {
    auto seen = position<-1>() <= position<-2>() || position<-1>() < length;
    return weighted(where(seen, scores(q, k), minus_infinity), v);
  }
};

struct documents {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto id) const {
    constexpr dim batch = size<0>(id), tokens = size<1>(id);
    auto same_document = reshape<batch, 1, tokens, 1>(id) == reshape<batch, 1, 1, tokens>(id);
    return weighted(where(same_document && distance >= scalar<0>, scores(q, k), minus_infinity), v);
  }
};

struct boolean_mask {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto mask) const {
    return weighted(where(mask, scores(q, k), minus_infinity), v);
  }
};

}  // namespace

TEST_CASE("boolean mask, with queries that see nothing") {
  Maths m;
  m.extras = [](const Lengths& n) {
    Extras e;
    Tensor mask(DType::boolean, {n.batch, H, n.queries, n.keys});
    for (std::size_t x = 0; x < mask.as<bool>().size(); ++x)
      mask.as<bool>()[x] = x / std::size_t(n.keys) % 5 != 2 && (x * 2654435761u >> 7) % 3 != 0;
    e.push_back(std::move(mask));
    return e;
  };
  m.edit = [](const Lengths& n, const Extras& e) -> Edit {
    return [&e, n](double s, At a) {
      return e[0].as<bool>()[std::size_t(((a.b * H + a.h) * n.queries + a.i) * n.keys + a.j)]
                 ? s
                 : dead;
    };
  };
  check<boolean_mask, Queries, Keys, Keys, tensor<boolean, B, H, T, S>>(m, cross);
}

TEST_CASE("sliding windows") {
  check<sliding_window<5>, Queries, Keys, Keys>(
      plain([](double s, At a) { return a.i - a.j >= 0 && a.i - a.j < 5 ? s : dead; }), cross);
  check<sliding_window<300>, Queries, Keys, Keys>(
      plain([](double s, At a) { return a.i - a.j >= 0 && a.i - a.j < 300 ? s : dead; }),
      several_blocks);
}

TEST_CASE("a mask that is added, and one that says what is left out") {
  check<additive_causal, Queries, Keys, Keys>(
      plain([](double s, At a) { return a.j <= a.i ? s : dead; }), cross);
  check<excluding<20>, Queries, Keys, Keys>(
      plain([](double s, At a) { return a.j > a.i || a.i - a.j >= 20 ? dead : s; }), cross);
  check<excluding<300>, Queries, Keys, Keys>(
      plain([](double s, At a) { return a.j > a.i || a.i - a.j >= 300 ? dead : s; }),
      several_blocks);
}

TEST_CASE("padding of keys, by bools") {
  Maths m;
  m.extras = [](const Lengths& n) {
    Extras e;
    Tensor padding(DType::boolean, {n.batch, n.keys});
    for (std::int64_t x = 0; x < n.batch * n.keys; ++x)
      padding.as<bool>()[std::size_t(x)] =
          x / n.keys == 1 ? x % n.keys < n.keys - 3 : x % n.keys >= 260;
    e.push_back(std::move(padding));
    return e;
  };
  m.edit = [](const Lengths& n, const Extras& e) -> Edit {
    return [&e, n](double s, At a) {
      return e[0].as<bool>()[std::size_t(a.b * n.keys + a.j)] ? dead : s;
    };
  };
  check<key_padding, Queries, Keys, Keys, tensor<boolean, B, S>>(m, cross);
}

TEST_CASE("dilated") {
  check<dilated, Queries, Keys, Keys>(plain([](double s, At a) {
    std::int64_t d = a.i - a.j;
    return d >= -10 && d <= 30 && (d + 12) / 3 % 2 == 0 ? s : dead;
  }), same);
}

TEST_CASE("causal, aligned at the end") {
  Maths m;
  m.edit = [](const Lengths& n, const Extras&) -> Edit {
    return [n](double s, At a) { return a.j <= a.i + n.keys - n.queries ? s : dead; };
  };
  check<causal_from_the_end, Queries, Keys, Keys>(m, cross);
}

TEST_CASE("lengths of batch rows, one of them 0") {
  Maths m;
  m.extras = [](const Lengths& n) {
    Extras e;
    e.push_back(integers({n.batch, 1, 1, 1},
                         [&](std::int64_t b) { return b == 1 ? 0 : (n.keys + 1) / 2; }));
    return e;
  };
  m.edit = [](const Lengths&, const Extras& e) -> Edit {
    return [&e](double s, At a) { return a.j < at(e[0], a.b) ? s : dead; };
  };
  check<key_lengths, Queries, Keys, Keys, tensor<i64, B, 1, 1, 1>>(m, cross);
}

TEST_CASE("prefix") {
  Maths m;
  m.extras = [](const Lengths& n) {
    Extras e;
    e.push_back(integers({n.batch, 1, 1, 1}, [&](std::int64_t b) { return b * n.keys / 3; }));
    return e;
  };
  m.edit = [](const Lengths&, const Extras& e) -> Edit {
    return [&e](double s, At a) { return a.j <= a.i || a.j < at(e[0], a.b) ? s : dead; };
  };
  check<prefix, Queries, Keys, Keys, tensor<i64, B, 1, 1, 1>>(m, same);
}

TEST_CASE("documents in one sequence") {
  Maths m;
  m.extras = [](const Lengths& n) {
    Extras e;
    e.push_back(integers({n.batch, n.keys},
                         [&](std::int64_t x) { return (x % n.keys * 7 + x / n.keys) / 61; }));
    return e;
  };
  m.edit = [](const Lengths& n, const Extras& e) -> Edit {
    return [&e, n](double s, At a) {
      return at(e[0], a.b * n.keys + a.i) == at(e[0], a.b * n.keys + a.j) && a.j <= a.i ? s : dead;
    };
  };
  using Tokens = tensor<f32, B, H, T, D>;
  check<documents, Tokens, Tokens, Tokens, tensor<i64, B, T>>(m, same);
}

namespace {
struct probed {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto lengths) const {
    auto seen = where(position<-1>() < lengths, nn::causal::apply(scores(q, k)), minus_infinity);
    return matmul(probe<"weights">(softmax<-1>(seen)), v);
  }
};
}  // namespace

TEST_CASE("the weights are given out by the fused kernel") {
  using Row = tensor<i64, B, 1, 1, 1>;
  CHECK(kernels(fused_main<probed, Queries, Keys, Keys, Row>({"weights"})) == "attention 1");
  for (const std::string& target : targets({"host", "x86-64", "reference"}))
    for (const char* fusion : {"none", "layout", "all"}) {
      CAPTURE(target);
      CAPTURE(fusion);
      Options options;
      options.target = target;
      options.fusion = fusion;
      options.probes = {"weights"};
      Program program = load<probed, Queries, Keys, Keys, Row>(options);
      Session session = program.bind(formula_checkpoint(program.parameters()));
      for (const Lengths& n : cross) {
        CAPTURE(n.keys);
        Tensor q = formula_tensor("q", {n.batch, H, n.queries, D});
        Tensor k = formula_tensor("k", {n.batch, H, n.keys, D});
        Tensor v = formula_tensor("v", {n.batch, H, n.keys, D});
        Tensor lengths = integers({n.batch, 1, 1, 1},
                                  [&](std::int64_t b) { return b == 1 ? 0 : n.keys - n.keys / 3; });
        std::vector<float> weights;
        auto expected = attention(
            {n.batch, H, H, n.queries, n.keys, D}, q.as<float>(), k.as<float>(), v.as<float>(),
            [&](double s, At a) { return a.j <= a.i && a.j < at(lengths, a.b) ? s : dead; },
            &weights);
        Results results = session.run(q, k, v, lengths);
        CHECK(difference(results[0].as<float>(), expected) < 1e-5);
        CHECK(difference(results.probe("weights").as<float>(), weights) < 1e-5);
      }
    }
}

namespace {
struct two_lengths {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto others, expression auto theirs) const {
    return weighted(scores(q, k), v) + weighted(scores(q, others), theirs);
  }
};
}  // namespace

// Both end in half a vector, one of them behind other blocks of keys.
TEST_CASE("kernels of one program share only code that is the same") {
  constexpr std::int64_t queries = 24, few = 245, many = 562;
  using Few = tensor<f32, 1, H, few, D>;
  using Many = tensor<f32, 1, H, many, D>;
  const Tensor q = formula_tensor("q", {1, H, queries, D}), k = formula_tensor("k", {1, H, few, D}),
               v = formula_tensor("v", {1, H, few, D}), k2 = formula_tensor("k2", {1, H, many, D}),
               v2 = formula_tensor("v2", {1, H, many, D});
  const Edit none = [](double s, At) { return s; };
  std::vector<float> expected = attention({1, H, H, queries, few, D}, numbers(q), numbers(k),
                                          numbers(v), none);
  const std::vector<float> more = attention({1, H, H, queries, many, D}, numbers(q), numbers(k2),
                                            numbers(v2), none);
  for (std::size_t n = 0; n < expected.size(); ++n) expected[n] += more[n];
  for (const std::string& target : targets({"host", "x86-64-avx2", "x86-64"})) {
    CAPTURE(target);
    Options options;
    options.target = target;
    options.tuning = "key_block=256";
    Program program =
        load<two_lengths, tensor<f32, 1, H, queries, D>, Few, Few, Many, Many>(options);
    Session session = program.bind(formula_checkpoint(program.parameters()));
    CHECK(difference(session.run(q, k, v, k2, v2)[0].as<float>(), expected) < 1e-5);
  }
}

// ---- what they save -----------------------------------------------------------------------------

namespace {

// The profile's tiles are those that have a live pair of query and key, counted one by one.
template <class Model, class... Inputs>
void check_tiles(const std::function<bool(std::int64_t i, std::int64_t j)>& live,
                 const Extras& extras = {}) {
  constexpr std::int64_t tokens = 640, block = 64, blocks = tokens / block;
  Options options;
  // tiles that meet a block of keys together see different ones
  options.tuning = "key_block=64,block_tiles=32";
  const Program program = load<Model, Inputs...>(options);
  const Tensor x = formula_tensor("x", {1, H, tokens, D});
  std::vector<const Tensor*> inputs = {&x, &x, &x};
  for (const Tensor& extra : extras) inputs.push_back(&extra);
  for (int threads : {1, 2}) {
    Session session = program.bind(formula_checkpoint(program.parameters()), threads);
    Profile profile;
    session.run(inputs);
    session.set_profile(&profile);
    session.run(inputs);
    session.run(inputs);
    const auto rows = profile.by_kind();
    REQUIRE(rows.size() == 1);
    const std::int64_t tiles = rows[0].tiles / (2 * H * blocks), height = tokens / tiles,
                       taller = tokens % tiles;
    REQUIRE(rows[0].tiles == 2 * H * blocks * tiles);
    std::int64_t visited = 0;
    for (std::int64_t tile = 0; tile < tiles; ++tile)
      for (std::int64_t start = 0; start < tokens; start += block) {
        const std::int64_t first = tile * height + std::min(tile, taller),
                           end = first + height + (tile < taller);
        bool any = false;
        for (std::int64_t i = first; i < end; ++i)
          for (std::int64_t j = start; j < start + block; ++j) any |= live(i, j);
        visited += any;
      }
    CHECK(rows[0].tiles_visited == 2 * H * visited);
    CHECK(visited < tiles * blocks);
    CHECK(profile.json().find("\"tiles_visited\":" + std::to_string(2 * H * visited)) !=
          std::string::npos);
    CHECK(profile.table().find("% skipped") != std::string::npos);
  }
}

}  // namespace

TEST_CASE("tiles that a mask lets be skipped are counted") {
  using x = tensor<f32, B, H, T, D>;
  SUBCASE("causal") {
    check_tiles<additive_causal, x, x, x>([](std::int64_t i, std::int64_t j) { return j <= i; });
  }
  SUBCASE("window") {
    check_tiles<sliding_window<100>, x, x, x>(
        [](std::int64_t i, std::int64_t j) { return j <= i && j > i - 100; });
  }
  SUBCASE("documents") {
    Extras extras;
    extras.push_back(integers({1, 640}, [](std::int64_t n) { return n / 150; }));
    check_tiles<documents, x, x, x, tensor<i64, B, T>>(
        [](std::int64_t i, std::int64_t j) { return j <= i && i / 150 == j / 150; }, extras);
  }
}

// Of one head the batch index says nothing: what the run before has packed is somebody else's.
TEST_CASE("every run packs its own keys and values") {
  const Sizes sizes{1, 1, 90, D};
  using x = tensor<f32, 1, 1, 90, D>;
  const Program program = load<additive_causal, x, x, x>();
  const Tensor q = formula_tensor("q", sizes), k = formula_tensor("k", sizes),
               v = formula_tensor("v", sizes);
  for (int threads : {1, 2}) {
    const auto bind = [&] { return program.bind(formula_checkpoint({}), threads); };
    Session used = bind(), fresh = bind();
    used.run(q, v, k);
    const Tensor again(used.run(q, k, v)), expected(fresh.run(q, k, v));
    CHECK(std::ranges::equal(again.as<float>(), expected.as<float>()));
  }
}

TEST_CASE("a difference is noticed") {
  std::vector<float> right = {1, 2, 3}, wrong = {1, 2, 3.0001f};
  CHECK(difference(right, right) == 0);
  CHECK(difference(wrong, right) > 1e-5);
  CHECK(difference(std::vector<float>{1, 2, NAN}, right) == INFINITY);
}
