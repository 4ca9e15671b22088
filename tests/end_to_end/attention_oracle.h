// What the tests of fused attention share: plain loops in double, and the kernels that a program
// consists of.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "heed/dsl/load.h"
#include "heed/runtime/formula.h"
#include "heed/runtime/half.h"
#include "heed/runtime/session.h"
#include "ways.h"

namespace heed::oracle {

struct Sizes4 {
  std::int64_t batch, heads, key_heads, queries, keys, features;
};
struct At {
  std::int64_t b, h, i, j;
};
inline constexpr double dead = -std::numeric_limits<double>::infinity();

// Σ_j softmax_j(edit(q·k / √features)) v, zeros where every score is dead; `weights`, if given,
// gets the softmax. Heads of keys are shared by equal runs of heads of queries.
inline std::vector<float> attention(const Sizes4& n, std::span<const float> q,
                                    std::span<const float> k, std::span<const float> v,
                                    const std::function<double(double, At)>& edit,
                                    std::vector<float>* weights = nullptr) {
  std::vector<float> out;
  std::vector<double> p(std::size_t(n.keys));
  for (std::int64_t b = 0; b < n.batch; ++b)
    for (std::int64_t h = 0; h < n.heads; ++h)
      for (std::int64_t i = 0; i < n.queries; ++i) {
        const float* x = &q[std::size_t(((b * n.heads + h) * n.queries + i) * n.features)];
        auto row = [&](std::span<const float> t, std::int64_t j) {
          return &t[std::size_t(((b * n.key_heads + h / (n.heads / n.key_heads)) * n.keys + j) *
                                n.features)];
        };
        double largest = dead, total = 0;
        for (std::int64_t j = 0; j < n.keys; ++j) {
          double s = 0;
          for (std::int64_t e = 0; e < n.features; ++e) s += double(x[e]) * double(row(k, j)[e]);
          p[std::size_t(j)] = edit(s / std::sqrt(double(n.features)), {b, h, i, j});
          largest = std::max(largest, p[std::size_t(j)]);
        }
        for (double& w : p) total += w = largest == dead ? 0 : std::exp(w - largest);
        for (double& w : p) w = total > 0 ? w / total : 0;
        for (std::int64_t e = 0; e < n.features; ++e) {
          double sum = 0;
          for (std::int64_t j = 0; j < n.keys; ++j) sum += p[std::size_t(j)] * double(row(v, j)[e]);
          out.push_back(float(sum));
        }
        if (weights) weights->insert(weights->end(), p.begin(), p.end());
      }
  return out;
}

// ‖found - expected‖ / ‖expected‖ and the largest error against the largest value, whichever is
// greater.
inline double difference(std::span<const float> found, std::span<const float> expected) {
  if (found.size() != expected.size()) return INFINITY;
  double error2 = 0, norm2 = 0, error = 0, most = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    double e = std::abs(double(found[i]) - double(expected[i]));
    if (!std::isfinite(e)) return INFINITY;
    error2 += e * e;
    norm2 += double(expected[i]) * double(expected[i]);
    error = std::max(error, e);
    most = std::max(most, std::abs(double(expected[i])));
  }
  return most == 0 ? error : std::max(std::sqrt(error2 / norm2), error / most);
}

inline Tensor formula_tensor(const std::string& name, const Sizes& sizes, float amplitude = 2) {
  Tensor t(DType::f32, sizes);
  formula_input(name, t.as<float>(), amplitude);
  return t;
}

// x, of f32, stored as f16, and a tensor of either as numbers.
inline Tensor as_halves(const Tensor& x) {
  Tensor half(DType::f16, x.sizes());
  std::ranges::transform(x.as<float>(), half.as<std::uint16_t>().begin(), float_to_half);
  return half;
}
inline std::vector<float> numbers(const Tensor& x) {
  std::vector<float> all(std::size_t(x.sizes().count()));
  if (x.dtype() == DType::f16)
    std::ranges::transform(x.as<std::uint16_t>(), all.begin(), half_to_float);
  else std::ranges::copy(x.as<float>(), all.begin());
  return all;
}

// The fused IR of @main: one line a kernel.
template <class Model, class... Inputs>
std::string fused_main(const std::vector<std::string>& probes = {}) {
  std::ostringstream text;
  Options options;
  options.print_after = "fused";
  options.print_to = &text;
  options.probes = probes;
  (void)load<Model, Inputs...>(options);
  const std::string all = text.str();
  return all.substr(all.find("func.func @main"));
}

inline int count(const std::string& text, const std::string& word) {
  int n = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++n;
  return n;
}

// "attention 1 contract 2 …" of what is there.
inline std::string kernels(const std::string& ir) {
  std::string list;
  for (const char* kind : {"attention", "contract", "rows", "map"})
    if (int n = count(ir, std::string("heed.") + kind + "("))
      list += (list.empty() ? "" : " ") + std::string(kind) + " " + std::to_string(n);
  return list;
}

// What the fused IR says of the bytes that maps move.
inline std::string moved_bytes(const std::string& ir) {
  const std::string before = "outside contract, attention and rows: ";
  const std::size_t at = ir.find(before);
  return at == std::string::npos
             ? ""
             : ir.substr(at + before.size(), ir.find('\n', at) - at - before.size());
}

}  // namespace heed::oracle
