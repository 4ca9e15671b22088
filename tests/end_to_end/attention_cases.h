// A case of fused attention: a model of q, k, v and what it adds to them, run for several lengths
// through one program at every fusion level and on every target, against plain loops in double.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>

#include "attention_oracle.h"
#include "heed/dsl/nn/attention.h"

namespace heed::oracle {

constexpr dim B{"B"}, T{"T"}, S{"S"};
constexpr std::int64_t H = 6, D = 20;
using Queries = tensor<f32, B, H, T, D>;
using Keys = tensor<f32, B, H, S, D>;

struct Lengths {
  std::int64_t batch, queries, keys;
};
inline const std::vector<Lengths> same = {{2, 1, 1}, {2, 7, 7}, {1, 33, 33}, {2, 70, 70}};
inline const std::vector<Lengths> cross = {
    {2, 7, 33}, {2, 33, 7}, {1, 1, 50}, {1, 50, 1}, {2, 40, 300}};
// of keys: some need no mask, some are skipped
inline const std::vector<Lengths> several_blocks = {{1, 620, 620}};

using Extras = std::vector<Tensor>;
using Edit = std::function<double(double, At)>;
// What a case adds to q, k, v for some lengths, and what it does to a score.
struct Maths {
  std::function<Extras(const Lengths&)> extras = [](const Lengths&) { return Extras{}; };
  std::function<Edit(const Lengths&, const Extras&)> edit;
  std::int64_t key_heads = H;
  bool halves = false;      // q, k and v are f16
  // of the fused kernel; unfused halves are rounded once an op and not compared
  double tolerance = 1e-5;
};

template <class Model, class... Inputs>
void run_everywhere(const Maths& maths, const std::vector<Lengths>& lengths) {
  for (const std::string& target : targets({"host", "x86-64-avx2", "x86-64", "reference"}))
    for (const char* fusion : {"none", "layout", "all"}) {
      if (maths.halves && std::string_view(fusion) != "all") continue;
      CAPTURE(target);
      CAPTURE(fusion);
      Options options;
      options.target = target;
      options.fusion = fusion;
      Program program = load<Model, Inputs...>(options);
      Session session = program.bind(formula_checkpoint(program.parameters()));
      for (const Lengths& n : lengths) {
        // minutes of plain loops
        if (target == "reference" && n.queries * n.keys > 100'000) continue;
        CAPTURE(n.queries);
        CAPTURE(n.keys);
        auto tensor = [&](const char* name, const Sizes& sizes) {
          Tensor x = formula_tensor(name, sizes);
          return maths.halves ? as_halves(x) : std::move(x);
        };
        Tensor q = tensor("q", {n.batch, H, n.queries, D});
        Tensor k = tensor("k", {n.batch, maths.key_heads, n.keys, D});
        Tensor v = tensor("v", {n.batch, maths.key_heads, n.keys, D});
        Extras extras = maths.extras(n);
        std::vector<const Tensor*> inputs = {&q, &k, &v};
        for (const Tensor& x : extras) inputs.push_back(&x);
        auto expected = attention({n.batch, H, maths.key_heads, n.queries, n.keys, D}, numbers(q),
                                  numbers(k), numbers(v), maths.edit(n, extras));
        CHECK(difference(numbers(Tensor(session.run(inputs))), expected) < maths.tolerance);
      }
    }
}

// One attention kernel and nothing beside it; then the numbers.
template <class Model, class... Inputs>
void check(const Maths& maths, const std::vector<Lengths>& lengths,
           const char* only = "attention 1") {
  CHECK(kernels(fused_main<Model, Inputs...>()) == only);
  run_everywhere<Model, Inputs...>(maths, lengths);
}

inline Maths plain(Edit edit) {
  Maths m;
  m.edit = [edit](const Lengths&, const Extras&) { return edit; };
  return m;
}

inline Tensor integers(const Sizes& sizes, const std::function<std::int64_t(std::int64_t)>& value) {
  Tensor t(DType::i64, sizes);
  auto all = t.as<std::int64_t>();
  for (std::size_t n = 0; n < all.size(); ++n) all[n] = value(std::int64_t(n));
  return t;
}
inline std::int64_t at(const Tensor& t, std::int64_t n) {
  return t.as<std::int64_t>()[std::size_t(n)];
}

constexpr auto scores(expression auto q, expression auto k) { return nn::scaled_scores(q, k); }
constexpr auto weighted(expression auto s, expression auto v) { return matmul(softmax<-1>(s), v); }
constexpr auto distance = position<-2>() - position<-1>();  // how far back a key lies

}  // namespace heed::oracle
