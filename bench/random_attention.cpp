#include "random_attention.h"

#include <cmath>
#include <random>

#include "heed/dsl/graph/encode.h"
#include "heed/dsl/load.h"
#include "heed/dsl/nn/attention.h"
#include "heed/runtime/formula.h"

namespace heed::bench {
namespace {

using Mask = RandomAttention::Mask;
constexpr std::int64_t window = RandomAttention::window_keys;

std::int64_t length(const RandomAttention& a, std::int64_t b) {
  return 1 + (b * 2654435761 + 17) % a.sizes.keys;
}
bool seen(const RandomAttention& a, const ScoreAt& at) {
  switch (a.mask) {
    case Mask::none:
      return true;
    case Mask::causal:
      return at.j <= at.i;
    case Mask::window:
      return at.j <= at.i && at.j > at.i - window;
    case Mask::lengths:
      return at.j < length(a, at.b);
  }
  return true;
}

// The network is written once, with symbols; a shape puts numbers in their places.
constexpr dim B{"B"}, H{"H"}, Q{"Q"}, K{"K"}, D{"D"};

template <Mask Kind>
struct model {
  static constexpr auto scores(expression auto q, expression auto k) {
    return matmul(q, transpose(k)) * rsqrt_of<64>;
  }
  constexpr auto operator()(expression auto q, expression auto k, expression auto v) const {
    auto s = scores(q, k);
    if constexpr (Kind == Mask::none)
      return matmul(softmax<-1>(s), v);
    else if constexpr (Kind == Mask::causal)
      return matmul(softmax<-1>(nn::causal::apply(s)), v);
    else
      return matmul(softmax<-1>(nn::window<window>::apply(s)), v);
  }
  constexpr auto operator()(expression auto q, expression auto k, expression auto v,
                            expression auto length) const {
    return matmul(softmax<-1>(where(position<-1>() < length, scores(q, k), minus_infinity)), v);
  }
};

graph::Module symbolic(Mask mask) {
  using q = tensor<f32, B, H, Q, D>;
  using k = tensor<f32, B, H, K, D>;
  const graph::Function* function = nullptr;
  switch (mask) {
    case Mask::none:
      function = &graph_of<model<Mask::none>, q, k, k>;
      break;
    case Mask::causal:
      function = &graph_of<model<Mask::causal>, q, k, k>;
      break;
    case Mask::window:
      function = &graph_of<model<Mask::window>, q, k, k>;
      break;
    case Mask::lengths:
      function = &graph_of<model<Mask::lengths>, q, k, k, tensor<i64, B, 1, 1, 1>>;
  }
  return graph::module_of(*function, {});
}

graph::Module network(const RandomAttention& a) {
  graph::Module module = symbolic(a.mask);
  const std::pair<Dim, std::int64_t> values[] = {{B, a.sizes.batch},
                                                 {H, a.sizes.heads},
                                                 {Q, a.sizes.queries},
                                                 {K, a.sizes.keys},
                                                 {D, a.sizes.features}};
  const auto fix = [&](Dim& d) {
    const auto value = evaluate(d, [&](std::uint64_t symbol) -> std::optional<std::int64_t> {
      for (const auto& [name, number] : values)
        if (name == Dim::symbol(symbol)) return number;
      return {};
    });
    if (value) d = Dim(*value);
  };
  const auto fix_type = [&](TensorType& type) {
    for (int axis = 0; axis < type.shape.rank; ++axis) fix(type.shape.dims[axis]);
  };
  for (graph::OwnedFunction& function : module.functions) {
    for (TensorType& type : function.arguments) fix_type(type);
    for (graph::OwnedNode& node : function.nodes) {
      for (TensorType& type : node.results) fix_type(type);
      for (Dim& d : node.dims) fix(d);
    }
  }
  return module;
}

}  // namespace

std::string RandomAttention::name() const {
  std::string text = mask_names[mask];
  for (std::int64_t n : {sizes.batch, sizes.heads, sizes.queries, sizes.keys, sizes.features})
    text += (text.back() >= '0' && text.back() <= '9' ? "x" : " ") + std::to_string(n);
  return text;
}

RandomAttention random_attention(std::uint32_t seed, int number) {
  std::mt19937 random(seed * 1'000'003u + std::uint32_t(number));
  const auto spread = [&](double most) {
    return std::int64_t(std::exp2(std::log2(most + 1) * double(random()) / 4294967296.0));
  };
  constexpr std::int64_t features[] = {16, 24, 32,  40,  48,  64,  64, 72,
                                       80, 96, 112, 128, 160, 192, 256};
  for (;;) {
    RandomAttention a;
    a.mask = Mask(random() % 4);
    const std::int64_t heads = spread(32), queries = spread(4096), keys = spread(4096);
    a.sizes = {spread(4), heads, heads, queries, keys, features[random() % std::size(features)]};
    if (a.mask == Mask::window) a.sizes.keys = a.sizes.queries = std::max(queries, keys);
    const double scores = double(a.sizes.batch * heads * a.sizes.queries) * double(a.sizes.keys);
    const double elements =
        double(a.sizes.batch * heads * a.sizes.features * (a.sizes.queries + a.sizes.keys));
    if (scores < 3e7 && 4 * scores * double(a.sizes.features) < 3e9 && elements < 2e7) return a;
  }
}

Case case_of(const RandomAttention& a) {
  const AttentionSizes& n = a.sizes;
  Case c{"attention", a.name(), 0, {}, {}, {}};
  c.load = [bytes = graph::encode(network(a))](const Options& options) {
    return load_graph(bytes, options);
  };
  c.inputs = [a, n](int i) {
    std::vector<Tensor> all;
    for (const auto& [what, length] : {std::pair{"q", n.queries}, {"k", n.keys}, {"v", n.keys}}) {
      all.emplace_back(DType::f32, Sizes{n.batch, n.heads, length, n.features});
      formula_input(what + std::to_string(i), all.back().as<float>());
    }
    if (a.mask == Mask::lengths) {
      all.emplace_back(DType::i64, Sizes{n.batch, 1, 1, 1});
      for (std::int64_t b = 0; b < n.batch; ++b)
        all.back().as<std::int64_t>()[std::size_t(b)] = length(a, b);
    }
    return all;
  };
  c.check = [a, n](const std::vector<Tensor>& inputs, const Tensor& result) {
    const double scale = std::sqrt(double(n.features)) / 8;  // the network divides by 8 for any D
    check_edited_attention(
        inputs, n, [&](double s, const ScoreAt& at) { return seen(a, at) ? s * scale : -INFINITY; },
        result, a.name());
  };
  return c;
}

}  // namespace heed::bench
