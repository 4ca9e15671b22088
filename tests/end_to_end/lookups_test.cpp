// Tables that attention looks into: masks by table, and biases and masks in the bodies of scans and
// loops. Each is one attention kernel; no tensor of queries times keys exists.
#include "../runtime/must_throw.h"
#include "attention_cases.h"
#include "heed/dsl/loop.h"
#include "heed/dsl/nn/relative_positions.h"
#include "heed/runtime/profile.h"

using namespace heed;
using namespace heed::oracle;

namespace {

constexpr dim N{"N"}, R{"R"}, C{"C"};
using Tokens = tensor<f32, B, H, T, D>;

// ---- masks --------------------------------------------------------------------------------------

// Tokens of one document, whose number is looked up or broadcast: the same mask.
constexpr auto same_document(expression auto ids) {
  constexpr dim tokens = size<0>(ids);
  auto mine = gather(ids, broadcast_to<tokens, tokens>(position<-2>()));
  auto its = gather(ids, broadcast_to<tokens, tokens>(position<-1>()));
  return mine == its;
}
struct documents_looked_up {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto ids) const {
    auto seen = same_document(ids) && distance >= scalar<0>;
    return weighted(where(seen, scores(q, k), minus_infinity), v);
  }
};
struct documents_broadcast {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto ids) const {
    constexpr dim tokens = size<0>(ids);
    auto same = reshape<tokens, 1>(ids) == reshape<1, tokens>(ids);
    return weighted(where(same && distance >= scalar<0>, scores(q, k), minus_infinity), v);
  }
};

// Which blocks of 16 queries see which of 16 keys, for each head.
struct sparse_blocks {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto blocks) const {
    constexpr dim queries = size<2>(q), keys = size<2>(k), rows = size<0>(blocks),
                  columns = size<1>(blocks);
    auto table = reshape<rows * columns, H>(blocks);
    auto block = position<-2>() / scalar<16> * extent<columns>() + position<-1>() / scalar<16>;
    auto seen = permute<2, 0, 1>(gather(table, broadcast_to<queries, keys>(block)));
    return weighted(where(seen, scores(q, k), minus_infinity), v);
  }
};

struct even_keys {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto numbers) const {
    constexpr dim queries = size<2>(q), keys = size<2>(k);
    auto number = gather(numbers, broadcast_to<queries, keys>(position<-1>()));
    auto even = number / scalar<2> * scalar<2> == number;
    return weighted(where(even, scores(q, k), minus_infinity), v);
  }
};

struct flagged_keys {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto flags) const {
    constexpr dim queries = size<2>(q), keys = size<2>(k);
    auto flag = gather(flags, broadcast_to<queries, keys>(position<-1>()));
    return weighted(where(flag && distance >= scalar<0>, scores(q, k), minus_infinity), v);
  }
};

// ---- bodies -------------------------------------------------------------------------------------

constexpr std::int64_t reach = 4;
constexpr auto clipped(operand auto offset) {
  return minimum(maximum(offset, scalar<-reach>), scalar<reach>) + scalar<reach>;
}
using Table = tensor<f32, 2 * reach + 1, H>;

// A state that attends to each step's tokens in turn.
struct refine {
  constexpr auto operator()(expression auto x, expression auto tokens, expression auto ids) const {
    auto biased = nn::with_relative_bias(scores(x, tokens), param<"table", Table>,
                                         clipped(nn::offset_of_key));
    return weighted(where(same_document(ids), biased, minus_infinity), tokens);
  }
};
struct refined {
  scan<"each", refine, 0> run;
  constexpr auto operator()(expression auto x, expression auto tokens, expression auto ids) const {
    auto last = run(states(x), steps(tokens), held(ids));
    return last;
  }
};

// One query a turn, at a place that is itself a state; the last two places are left out.
struct write_one {
  constexpr auto operator()(expression auto x, expression auto at, expression auto k,
                            expression auto ids) const {
    constexpr dim keys = size<2>(k);
    auto key = broadcast_to<1, keys>(position<-1>());
    auto same = gather(ids, key) == gather(ids, broadcast_to<1, keys>(at));
    auto biased = nn::with_relative_bias(scores(x, k), param<"table", Table>, clipped(key - at));
    auto next = weighted(where(same && key <= at, biased, minus_infinity), k);
    auto then = at + scalar<1>;
    return parts{next, then, next, then < extent<keys>() - scalar<2>};
  }
};
struct written {
  constexpr auto operator()(expression auto x, expression auto k, expression auto ids) const {
    constexpr dim keys = size<2>(k);
    auto at = reshape<1>(scalar<0> * extent<1>());
    auto [last, end, all, turns] = loop<"write", write_one, keys>{}(states(x, at), held(k, ids));
    return parts{all, turns};
  }
};

std::int64_t document(std::int64_t token) { return token * 7 / 61; }

Maths by_documents() {
  Maths m;
  m.extras = [](const Lengths& n) {
    Extras e;
    e.push_back(integers({n.keys}, document));
    return e;
  };
  m.edit = [](const Lengths&, const Extras&) -> Edit {
    return [](double s, At a) { return document(a.i) == document(a.j) && a.j <= a.i ? s : dead; };
  };
  return m;
}

// A run on every target, and once with one kernel an op.
template <class Model, class... Inputs>
void run_bodies(const std::vector<const Tensor*>& inputs, const std::vector<float>& expected) {
  for (const std::string& target : targets({"host", "x86-64-avx2", "x86-64", "reference"}))
    for (const std::string fusion : {"none", "all"}) {
      if (fusion == "none" && target != "host") continue;
      CAPTURE(target);
      CAPTURE(fusion);
      Options options;
      options.target = target;
      options.fusion = fusion;
      Program program = load<Model, Inputs...>(options);
      Session session = program.bind(formula_checkpoint(program.parameters()));
      CHECK(difference(session.run(inputs)[0].template as<float>(), expected) < 1e-5);
    }
}

std::vector<float> table(const std::string& name) {
  std::vector<float> values(std::size_t((2 * reach + 1) * H));
  formula_fill(name, std::vector<std::int64_t>{2 * reach + 1, H}, values);
  return values;
}
double bias(const std::vector<float>& values, std::int64_t offset, std::int64_t head) {
  return double(values[std::size_t((std::clamp(offset, -reach, reach) + reach) * H + head)]);
}

}  // namespace

TEST_CASE("a mask looks up the documents of query and key") {
  check<documents_looked_up, Tokens, Tokens, Tokens, tensor<i64, T>>(by_documents(), same);
}

TEST_CASE("a mask by a table of blocks, other ones for each head") {
  Maths m;
  auto blocks = [](std::int64_t n) { return (n + 15) / 16; };
  m.extras = [=](const Lengths& n) {
    Extras e;
    e.emplace_back(DType::boolean, Sizes{blocks(n.queries), blocks(n.keys), H});
    auto all = e[0].as<bool>();
    for (std::size_t x = 0; x < all.size(); ++x) all[x] = (x * 2654435761u >> 7) % 3 != 0;
    return e;
  };
  m.edit = [=](const Lengths& n, const Extras& e) -> Edit {
    return [=, &e](double s, At a) {
      const auto block = a.i / 16 * blocks(n.keys) + a.j / 16;
      return e[0].as<bool>()[std::size_t(block * H + a.h)] ? s : dead;
    };
  };
  check<sparse_blocks, Queries, Keys, Keys, tensor<boolean, R, C, H>>(m, cross);
}

TEST_CASE("tiles that only a looked up number hides are skipped") {
  Options options;
  options.tuning = "key_block=64";
  const std::int64_t tokens = 640;
  const Tensor x = formula_tensor("x", {1, H, tokens, D}),
               ids = integers({tokens}, [](std::int64_t n) { return n / 150; });
  auto visited = [&]<class Model>(Model) {
    Program program = load<Model, Tokens, Tokens, Tokens, tensor<i64, T>>(options);
    Session session = program.bind(formula_checkpoint(program.parameters()));
    Profile profile;
    session.set_profile(&profile);
    const std::vector<const Tensor*> inputs = {&x, &x, &x, &ids};
    session.run(inputs);
    const auto rows = profile.by_kind();
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].tiles_visited < rows[0].tiles / 2);
    return rows[0].tiles_visited;
  };
  CHECK(visited(documents_looked_up{}) == visited(documents_broadcast{}));
}

TEST_CASE("an index outside of a mask's table fails the run") {
  for (const std::string& target : targets({"host", "x86-64-avx2", "x86-64", "reference"})) {
    CAPTURE(target);
    Options options;
    options.target = target;
    Program program = load<even_keys, Queries, Keys, Keys, tensor<i64, C>>(options);
    Session session = program.bind(formula_checkpoint(program.parameters()));
    Tensor q = formula_tensor("q", {1, H, 9, D}), k = formula_tensor("k", {1, H, 70, D});
    auto run = [&](std::int64_t rows) {
      Tensor numbers = integers({rows}, [](std::int64_t n) { return n; });
      const std::vector<const Tensor*> inputs = {&q, &k, &k, &numbers};
      (void)session.run(inputs);
    };
    run(70);
    testing::check_error([&] { run(69); }, {"index"});
    run(71);
  }
}

// Of a tile's keys the table hides the first ones, and is too short for the others.
TEST_CASE("an index outside of a mask's table counts unless the rest of the mask hides the key") {
  constexpr std::int64_t keys = 640, rows = 600, first_rows = 512;
  Options options;
  options.tuning = "key_block=64";
  Program program = load<flagged_keys, Queries, Keys, Keys, tensor<boolean, C>>(options);
  Session session = program.bind(formula_checkpoint(program.parameters()));
  Tensor k = formula_tensor("k", {1, H, keys, D});
  auto run = [&](std::int64_t queries, std::int64_t of_table) {
    Tensor q = formula_tensor("q", {1, H, queries, D}), flags(DType::boolean, {of_table});
    for (std::int64_t n = 0; n < of_table; ++n) flags.as<bool>()[std::size_t(n)] = n < 576;
    const std::vector<const Tensor*> inputs = {&q, &k, &k, &flags};
    return numbers(Tensor(session.run(inputs)));
  };
  testing::check_error([&] { run(keys, rows); }, {"index"});
  CHECK(run(first_rows, rows) == run(first_rows, keys));  // by causality
}

TEST_CASE("a scan's body looks up bias and mask") {
  using Steps = tensor<f32, N, B, H, T, D>;
  CHECK(kernels(fused_main<refined, Tokens, Steps, tensor<i64, T>>()) == "attention 1");
  const std::vector<float> values = table("each.table");
  const std::int64_t batch = 2, steps = 3, tokens = 33, size = batch * H * tokens * D;
  Tensor x = formula_tensor("x", {batch, H, tokens, D}),
         all = formula_tensor("tokens", {steps, batch, H, tokens, D}),
         ids = integers({tokens}, document);
  std::vector<float> state = numbers(x);
  for (std::int64_t step = 0; step < steps; ++step) {
    auto k = std::as_const(all).as<float>().subspan(std::size_t(step * size), std::size_t(size));
    state = attention({batch, H, H, tokens, tokens, D}, state, k, k, [&](double s, At a) {
      return document(a.i) == document(a.j) ? s + bias(values, a.j - a.i, a.h) : dead;
    });
  }
  run_bodies<refined, Tokens, Steps, tensor<i64, T>>({&x, &all, &ids}, state);
}

TEST_CASE("a loop's body looks up bias and mask at a place among its states") {
  using Query = tensor<f32, B, H, 1, D>;
  const std::string fused = fused_main<written, Query, Keys, tensor<i64, S>>();
  CHECK(count(fused, "heed.attention(") == 1);
  CHECK(count(fused, "heed.lookup") == 3);
  CHECK(count(fused, "gather") == 0);
  const std::vector<float> values = table("write.table");
  const std::int64_t batch = 2, keys = 40, turns = keys - 2;
  Tensor x = formula_tensor("x", {batch, H, 1, D}), k = formula_tensor("k", {batch, H, keys, D}),
         ids = integers({keys}, document);
  std::vector<float> state = numbers(x), all(std::size_t(batch * keys * H * D));
  for (std::int64_t turn = 0; turn < turns; ++turn) {
    state = attention({batch, H, H, 1, keys, D}, state, std::as_const(k).as<float>(),
                      std::as_const(k).as<float>(), [&](double s, At a) {
                        const bool seen = a.j <= turn && document(a.j) == document(turn);
                        return seen ? s + bias(values, a.j - turn, a.h) : dead;
                      });
    for (std::int64_t b = 0; b < batch; ++b)
      std::copy_n(&state[std::size_t(b * H * D)], H * D,
                  &all[std::size_t((b * keys + turn) * H * D)]);
  }
  run_bodies<written, Query, Keys, tensor<i64, S>>({&x, &k, &ids}, all);
}
