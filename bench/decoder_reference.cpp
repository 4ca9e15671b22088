#include "decoder_reference.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "heed/runtime/formula.h"

namespace heed::bench {
namespace {

using Vector = std::vector<double>;

Vector parameter(const std::string& name, std::initializer_list<std::int64_t> shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  std::vector<float> values(static_cast<std::size_t>(count));
  formula_fill(name, std::span(shape.begin(), shape.size()), values);
  return {values.begin(), values.end()};
}

// W x + b of the parameters `name`weight, [all, in], and bias: `out` rows from `first` on.
Vector linear(const Vector& x, const std::string& name, std::int64_t all, std::int64_t first,
              std::int64_t out) {
  const auto in = std::int64_t(x.size());
  const Vector w = parameter(name + "weight", {all, in}), b = parameter(name + "bias", {all});
  Vector y;
  for (std::int64_t o = first; o < first + out; ++o) {
    double sum = b[std::size_t(o)];
    for (std::int64_t i = 0; i < in; ++i) sum += w[std::size_t(o * in + i)] * x[std::size_t(i)];
    y.push_back(sum);
  }
  return y;
}

Vector normalised(Vector x, const std::string& name) {
  const auto count = std::int64_t(x.size());
  const Vector w = parameter(name + ".weight", {count}), b = parameter(name + ".bias", {count});
  double mean = 0, variance = 0;
  for (const double v : x) mean += v / double(count);
  for (const double v : x) variance += (v - mean) * (v - mean) / double(count);
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = (x[i] - mean) / std::sqrt(variance + 1e-5) * w[i] + b[i];
  return x;
}

Vector sum(Vector a, const Vector& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

// q over `keys` rows of keys and values, each a row's 2 * features.
Vector attended(const Vector& q, std::int64_t heads, const std::vector<Vector>& keys) {
  const std::size_t features = q.size(), width = features / std::size_t(heads);
  Vector out(features);
  for (std::size_t at = 0; at < features; at += width) {
    Vector weights;
    double largest = -INFINITY, total = 0;
    for (const Vector& key : keys) {
      double score = 0;
      for (std::size_t e = at; e < at + width; ++e) score += q[e] * key[e];
      weights.push_back(score / std::sqrt(double(width)));
      largest = std::max(largest, weights.back());
    }
    for (double& w : weights) total += w = std::exp(w - largest);
    for (std::size_t j = 0; j < keys.size(); ++j)
      for (std::size_t e = at; e < at + width; ++e)
        out[e] += weights[j] / total * keys[j][features + e];
  }
  return out;
}

// The first `count` rows of a layer.
std::vector<Vector> rows_of(const Tensor& caches, std::int64_t layer, std::int64_t count) {
  const std::int64_t capacity = caches.sizes()[2], width = caches.sizes()[3];
  std::vector<Vector> rows;
  for (std::int64_t r = 0; r < count; ++r) {
    const auto row =
        caches.as<float>().subspan(std::size_t((layer * capacity + r) * width), std::size_t(width));
    rows.emplace_back(row.begin(), row.end());
  }
  return rows;
}

}  // namespace

std::vector<float> decoder_row(const DecoderSize& n, const Tensor& y, std::int64_t position,
                               const Tensor& cache, const Tensor& memory) {
  Vector x(y.as<float>().begin(), y.as<float>().end());
  for (std::int64_t l = 0; l < n.layers; ++l) {
    const std::string layer = "decoder.layers." + std::to_string(l) + ".", in = "in_proj_";
    const std::string self = layer + "self_attn.", cross = layer + "multihead_attn.";
    std::vector<Vector> seen = rows_of(cache, l, position);
    seen.push_back(linear(x, self + in, 3 * n.features, n.features, 2 * n.features));
    const Vector query = linear(x, self + in, 3 * n.features, 0, n.features);
    x = normalised(sum(x, linear(attended(query, n.heads, seen), self + "out_proj.", n.features, 0,
                                 n.features)),
                   layer + "norm1");
    const Vector asked = linear(x, cross + in, 3 * n.features, 0, n.features);
    const Vector found = attended(asked, n.heads, rows_of(memory, l, memory.sizes()[2]));
    x = normalised(sum(x, linear(found, cross + "out_proj.", n.features, 0, n.features)),
                   layer + "norm2");
    Vector hidden = linear(x, layer + "linear1.", n.hidden, 0, n.hidden);
    for (double& h : hidden) h = std::max(h, 0.0);
    x = normalised(sum(x, linear(hidden, layer + "linear2.", n.features, 0, n.features)),
                   layer + "norm3");
  }
  x = normalised(x, "decoder.norm");
  return {x.begin(), x.end()};
}

}  // namespace heed::bench
