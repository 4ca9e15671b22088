// Attention whose scores are edited or masked, each written as plain maths on q, k and v.
#include <cmath>
#include <map>

#include "cases.h"
#include "heed/dsl/load.h"
#include "heed/dsl/nn/relative_positions.h"
#include "heed/dsl/nn/windows.h"
#include "heed/runtime/formula.h"
#include "references.h"

namespace heed::bench {
namespace {

using Extras = std::function<std::vector<Tensor>()>;

// pairs: of query and key that are seen, for one head.
template <class Model, class... Inputs>
Case edited(const std::string& name, const AttentionSizes& n, double pairs, const ScoreEdit& edit,
            const Extras& extras = [] { return std::vector<Tensor>(); }) {
  const std::string shape = std::to_string(n.heads) + "x" + std::to_string(n.queries) +
                            (n.queries == n.keys ? "" : "x" + std::to_string(n.keys)) + "x" +
                            std::to_string(n.features);
  Case c{"attention", name + "_" + shape, {}, {}, {}, {}};
  c.gflop = [=] { return 4e-9 * double(n.batch * n.heads * n.features) * pairs; };
  c.load = [](const Options& options) { return heed::load<Model, Inputs...>(options); };
  c.inputs = [n, extras](int i) {
    std::vector<Tensor> all;
    for (const auto& [what, heads, tokens] : {std::tuple{"q", n.heads, n.queries},
                                              std::tuple{"k", n.key_heads, n.keys},
                                              std::tuple{"v", n.key_heads, n.keys}}) {
      all.emplace_back(DType::f32, Sizes{n.batch, heads, tokens, n.features});
      formula_input(std::string("attention.") + what + std::to_string(i), all.back().as<float>());
    }
    for (Tensor& t : extras()) all.push_back(std::move(t));
    return all;
  };
  c.check = [n, edit, name = c.name](const std::vector<Tensor>& inputs, const Tensor& result) {
    check_edited_attention(inputs, n, edit, result, name);
  };
  return c;
}

constexpr double dead = -INFINITY;
constexpr auto distance = position<-2>() - position<-1>();  // how far back a key lies
constexpr auto weighted(expression auto s, expression auto v) { return matmul(softmax<-1>(s), v); }

// ---- shifted windows of Swin's first stage ------------------------------------------------------

constexpr std::int64_t window = 7, area = window * window, side = 8 * window, shift = 3;
int piece(std::int64_t at) { return at < side - window ? 0 : at < side - shift ? 1 : 2; }
bool neighbours(std::int64_t b, std::int64_t i, std::int64_t j) {
  auto of = [&](std::int64_t at) {
    return 3 * piece(b / 8 * window + at / window) + piece(b % 8 * window + at % window);
  };
  return of(i) == of(j);
}
struct shift_table {
  static void fill(std::span<float> out) {
    for (std::int64_t n = 0; n < std::int64_t(out.size()); ++n)
      out[std::size_t(n)] = neighbours(n / (area * area), n / area % area, n % area) ? 0.f : -100.f;
  }
};
struct windows {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    auto table = param<"relative_position_bias_table", tensor<f32, 169, 3>>;
    auto index =
        buffer<"relative_position_index", tensor<i64, area, area>, nn::relative_positions<window>>;
    auto mask = buffer<"attn_mask", tensor<f32, 64, 1, area, area>, shift_table>;
    return weighted(nn::scaled_scores(q, k) + permute<2, 0, 1>(gather(table, index)) + mask, v);
  }
};
Case swin() {
  std::vector<float> table(169 * 3);
  formula_fill("relative_position_bias_table", std::vector<std::int64_t>{169, 3}, table);
  using heads = tensor<f32, 64, 3, area, 32>;
  Case c = edited<windows, heads, heads, heads>(
      "swin", {64, 3, 3, area, area, 32}, double(area * area),
      [table](double s, const ScoreAt& at) {
        const std::int64_t dy = at.i / window - at.j / window, dx = at.i % window - at.j % window;
        const std::int64_t row = (dy + window - 1) * (2 * window - 1) + dx + window - 1;
        return s + double(table[std::size_t(row * 3 + at.h)]) +
               (neighbours(at.b, at.i, at.j) ? 0 : -100);
      });
  c.name = "swin_64x3x49x32";
  return c;
}

// ---- edits and masks ----------------------------------------------------------------------------

constexpr std::int64_t H = 8, D = 64;
float slope_of(std::int64_t head) { return 1.0f / float(2 << head); }
struct slopes {
  static void fill(std::span<float> out) {
    for (std::size_t h = 0; h < out.size(); ++h) out[h] = slope_of(std::int64_t(h));
  }
};
struct alibi {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    auto bias = cast<f32>(distance) * buffer<"slopes", tensor<f32, H, 1, 1>, slopes>;
    return weighted(where(distance >= scalar<0>, nn::scaled_scores(q, k) - bias, minus_infinity),
                    v);
  }
};
struct soft_cap {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    return weighted(tanh(nn::scaled_scores(q, k) / scalar<5>) * scalar<5>, v);
  }
};
struct sliding {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    return weighted(nn::window<256>::apply(nn::scaled_scores(q, k)), v);
  }
};
struct prefix {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto length) const {
    auto seen = position<-1>() <= position<-2>() || position<-1>() < length;
    return weighted(where(seen, nn::scaled_scores(q, k), minus_infinity), v);
  }
};
struct documents {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto id) const {
    constexpr dim batch = size<0>(id), tokens = size<1>(id);
    auto same = reshape<batch, 1, tokens, 1>(id) == reshape<batch, 1, 1, tokens>(id);
    return weighted(where(same && distance >= scalar<0>, nn::scaled_scores(q, k), minus_infinity),
                    v);
  }
};
struct dilated {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    auto seen = distance >= scalar<0> && distance < scalar<512> &&
                distance / scalar<4> * scalar<4> == distance;
    return weighted(where(seen, nn::scaled_scores(q, k), minus_infinity), v);
  }
};
struct lengths {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto length) const {
    return weighted(where(position<-1>() < length, nn::scaled_scores(q, k), minus_infinity), v);
  }
};
struct additive {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto bias) const {
    return weighted(nn::scaled_scores(q, k) + bias, v);
  }
};
// Of any length: the table has a row for every offset up to `farthest`, a bias of bucketed offsets
// has 32.
constexpr dim any_batch{"B"}, any_tokens{"T"};
constexpr std::int64_t farthest = 1023;
struct relative {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    auto table = param<"relative", tensor<f32, 2 * farthest + 1, H>>;
    return weighted(nn::with_relative_bias(nn::scaled_scores(q, k), table,
                                           nn::offset_of_key + scalar<farthest>),
                    v);
  }
};
struct buckets {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    auto row = nn::distance_buckets<>::of(nn::offset_of_key);
    return weighted(
        nn::with_relative_bias(nn::scaled_scores(q, k), param<"buckets", tensor<f32, 32, H>>, row),
        v);
  }
};
const std::vector<float>& table_of(const std::string& name, std::int64_t rows) {
  static std::map<std::string, std::vector<float>> tables;
  std::vector<float>& table = tables[name];
  if (table.empty()) {
    table.resize(std::size_t(rows * H));
    formula_fill(name, std::vector<std::int64_t>{rows, H}, table);
  }
  return table;
}
std::int64_t bucket_of(std::int64_t offset) {  // T5's, in floating point
  const std::int64_t apart = std::abs(offset), side = offset > 0 ? 16 : 0;
  if (apart < 8) return side + apart;
  return side + std::min<std::int64_t>(
                    15, 8 + std::int64_t(std::log(double(apart) / 8) / std::log(16.0) * 8 + 1e-9));
}
struct shared_heads {
  static constexpr auto shared(expression auto x) {
    constexpr dim batch = size<0>(x), heads = size<1>(x), tokens = size<2>(x);
    auto each = broadcast_to<batch, heads, H / heads.constant, tokens, D>(
        reshape<batch, heads, 1, tokens, D>(x));
    return reshape<batch, H, tokens, D>(each);
  }
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    return weighted(nn::causal::apply(nn::scaled_scores(q, shared(k))), shared(v));
  }
};
struct plain {
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    return weighted(nn::scaled_scores(q, k), v);
  }
};

template <std::int64_t T, std::int64_t Heads = H>
using heads_of = tensor<f32, 1, Heads, T, D>;

std::vector<Tensor> integers(const Sizes& sizes,
                             const std::function<std::int64_t(std::int64_t)>& value) {
  std::vector<Tensor> list;
  list.emplace_back(DType::i64, sizes);
  std::int64_t n = 0;
  for (std::int64_t& x : list.back().as<std::int64_t>()) x = value(n++);
  return list;
}

constexpr std::int64_t T = 1024, long_T = 4096;

// [H, T, T], made when a case first asks for it: every start is timed.
const std::vector<float>& dense_bias() {
  static const std::vector<float> bias = [] {
    std::vector<float> values(std::size_t(H * T * T));
    formula_input("attention.bias", values);
    return values;
  }();
  return bias;
}

}  // namespace

std::vector<Case> edited_attention_cases() {
  constexpr double causal = 0.5 * T * (T + 1);
  constexpr AttentionSizes square{1, H, H, T, T, D};
  using x = heads_of<T>;
  using shared = heads_of<T, 2>;
  using any = tensor<f32, any_batch, H, any_tokens, D>;
  using long_x = heads_of<long_T>;
  using one = tensor<i64, 1, 1, 1, 1>;
  const auto causal_edit = [](double s, const ScoreAt& at) { return at.j <= at.i ? s : dead; };
  return {
      swin(),
      edited<alibi, x, x, x>("alibi", square, causal,
                             [](double s, const ScoreAt& at) {
                               return at.j <= at.i
                                          ? s - double(slope_of(at.h)) * double(at.i - at.j)
                                          : dead;
                             }),
      edited<soft_cap, x, x, x>("soft_cap", square, double(T * T),
                                [](double s, const ScoreAt&) { return 5 * std::tanh(s / 5); }),
      edited<additive, x, x, x, tensor<f32, 1, H, T, T>>(
          "bias", square, double(T * T),
          [](double s, const ScoreAt& at) {
            return s + double(dense_bias()[std::size_t((at.h * T + at.i) * T + at.j)]);
          },
          [] {
            std::vector<Tensor> list;
            list.emplace_back(DType::f32, Sizes{1, H, T, T});
            std::ranges::copy(dense_bias(), list.back().as<float>().begin());
            return list;
          }),
      edited<sliding, long_x, long_x, long_x>(
          "window", {1, H, H, long_T, long_T, D}, 256.0 * long_T - 256 * 255 / 2,
          [](double s, const ScoreAt& at) { return at.j <= at.i && at.i - at.j < 256 ? s : dead; }),
      edited<prefix, x, x, x, one>(
          "prefix", square, causal + 0.5 * 300 * 299,
          [](double s, const ScoreAt& at) { return at.j <= at.i || at.j < 300 ? s : dead; },
          [] { return integers({1, 1, 1, 1}, [](std::int64_t) { return 300; }); }),
      edited<documents, long_x, long_x, long_x, tensor<i64, 1, long_T>>(
          "documents", {1, H, H, long_T, long_T, D}, 16 * 0.5 * 256 * 257,
          [](double s, const ScoreAt& at) {
            return at.i / 256 == at.j / 256 && at.j <= at.i ? s : dead;
          },
          [] { return integers({1, long_T}, [](std::int64_t n) { return n / 256; }); }),
      edited<dilated, x, x, x>("dilated", square, 128.0 * T - 4 * 128 * 127 / 2,
                               [](double s, const ScoreAt& at) {
                                 const std::int64_t d = at.i - at.j;
                                 return d >= 0 && d < 512 && d % 4 == 0 ? s : dead;
                               }),
      edited<lengths, x, x, x, one>(
          "lengths", square, 600.0 * T,
          [](double s, const ScoreAt& at) { return at.j < 600 ? s : dead; },
          [] { return integers({1, 1, 1, 1}, [](std::int64_t) { return 600; }); }),
      edited<relative, any, any, any>(
          "relative", square, double(T * T),
          [](double s, const ScoreAt& at) {
            const std::int64_t row = at.j - at.i + farthest;
            return s + double(table_of("relative", 2 * farthest + 1)[std::size_t(row * H + at.h)]);
          }),
      edited<buckets, any, any, any>("buckets", square, double(T * T),
                                     [](double s, const ScoreAt& at) {
                                       const std::int64_t row = bucket_of(at.j - at.i);
                                       return s + double(table_of("buckets",
                                                                  32)[std::size_t(row * H + at.h)]);
                                     }),
      edited<shared_heads, x, shared, shared>("grouped", {1, H, 2, T, T, D}, causal, causal_edit),
      edited<plain, tensor<f32, 1, 8, 100, 32>, tensor<f32, 1, 8, 850, 32>,
             tensor<f32, 1, 8, 850, 32>>("cross", {1, 8, 8, 100, 850, 32}, 100.0 * 850,
                                         [](double s, const ScoreAt&) { return s; }),
  };
}

}  // namespace heed::bench
