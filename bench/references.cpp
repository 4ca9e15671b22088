#include "references.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "heed/runtime/error.h"
#include "heed/runtime/formula.h"

namespace heed::bench {
namespace {

constexpr double tolerance = 1e-5;

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double(a[i]) * double(b[i]);
  return sum;
}

// Some of `count` rows: the first, the last and a few between.
std::vector<std::size_t> sample(std::size_t count) {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < 8; ++i) rows.push_back((count - 1) * i / 7);
  return rows;
}

}  // namespace

void require_close(std::span<const float> found, std::span<const float> expected,
                   const std::string& what) {
  double error = 0, reference = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    error += std::pow(double(found[i]) - double(expected[i]), 2);
    reference += std::pow(double(expected[i]), 2);
  }
  const double relative = std::sqrt(error / reference);
  if (relative <= tolerance) return;  // not where it is no number
  char number[32];
  std::snprintf(number, sizeof number, "%.1e", relative);
  throw Error("bench: ", what, ": the result is wrong, its relative error is ", number);
}

void check_linear(const Tensor& x, const std::string& weight, const Tensor& result,
                  const std::string& what) {
  const std::int64_t n = result.sizes()[1], k = x.sizes()[1];
  std::vector<float> w(std::size_t(n * k)), found, expected;
  formula_fill(weight, std::vector<std::int64_t>{n, k}, w);
  const auto row = [](std::span<const float> all, std::size_t i, std::int64_t width) {
    return all.subspan(i * std::size_t(width), std::size_t(width));
  };
  for (const std::size_t i : sample(std::size_t(x.sizes()[0])))
    for (std::size_t j = 0; j < std::size_t(n); ++j) {
      expected.push_back(float(dot(row(x.as<float>(), i, k), row(w, j, k))));
      found.push_back(row(result.as<float>(), i, n)[j]);
    }
  require_close(found, expected, what);
}

void check_attention(const std::vector<Tensor>& qkv, bool causal, const Tensor& result,
                     const std::string& what) {
  const Sizes& n = result.sizes();
  const auto edit = [causal](double s, const ScoreAt& at) {
    return causal && at.j > at.i ? -INFINITY : s;
  };
  check_edited_attention(qkv, {1, n[1], n[1], n[2], n[2], n[3]}, edit, result, what);
}

void check_edited_attention(const std::vector<Tensor>& qkv, const AttentionSizes& n,
                            const ScoreEdit& edit, const Tensor& result, const std::string& what) {
  std::vector<float> found, expected;
  std::vector<double> weights(std::size_t(n.keys));
  const auto row = [&](const Tensor& t, std::int64_t head, std::int64_t length, std::int64_t i) {
    return t.as<float>().subspan(std::size_t((head * length + i) * n.features),
                                 std::size_t(n.features));
  };
  for (const std::size_t head : sample(std::size_t(n.batch * n.heads))) {
    const ScoreAt first{std::int64_t(head) / n.heads, std::int64_t(head) % n.heads, 0, 0};
    const std::int64_t key_head = first.b * n.key_heads + first.h / (n.heads / n.key_heads);
    for (const std::size_t i : sample(std::size_t(n.queries))) {
      const std::span<const float> query =
          row(qkv[0], std::int64_t(head), n.queries, std::int64_t(i));
      ScoreAt at{first.b, first.h, std::int64_t(i), 0};
      for (; at.j < n.keys; ++at.j)
        weights[std::size_t(at.j)] = edit(
            dot(query, row(qkv[1], key_head, n.keys, at.j)) / std::sqrt(double(n.features)), at);
      const double largest = std::ranges::max(weights);
      std::vector<double> mixed(static_cast<std::size_t>(n.features));
      double sum = 0;
      for (double& weight : weights) sum += weight = std::exp(weight - largest);
      for (std::int64_t j = 0; j < n.keys; ++j)
        for (std::size_t d = 0; d < mixed.size(); ++d)
          mixed[d] += weights[std::size_t(j)] / sum * double(row(qkv[2], key_head, n.keys, j)[d]);
      const std::span<const float> result_row =
          row(result, std::int64_t(head), n.queries, std::int64_t(i));
      expected.insert(expected.end(), mixed.begin(), mixed.end());
      found.insert(found.end(), result_row.begin(), result_row.end());
    }
  }
  require_close(found, expected, what);
}

}  // namespace heed::bench
