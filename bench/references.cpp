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
  const Sizes& sizes = result.sizes();
  const auto tokens = std::size_t(sizes[2]), features = std::size_t(sizes[3]);
  std::vector<float> found, expected;
  for (const std::size_t head : {std::size_t(0), std::size_t(sizes[1] - 1)}) {
    const auto row = [&](const Tensor& t, std::size_t i) {
      return t.as<float>().subspan((head * tokens + i) * features, features);
    };
    for (const std::size_t i : sample(tokens)) {
      std::vector<double> weights(causal ? i + 1 : tokens), mixed(features);
      for (std::size_t j = 0; j < weights.size(); ++j)
        weights[j] = dot(row(qkv[0], i), row(qkv[1], j)) / std::sqrt(double(features));
      const double largest = std::ranges::max(weights);
      double sum = 0;
      for (double& weight : weights) sum += weight = std::exp(weight - largest);
      for (std::size_t j = 0; j < weights.size(); ++j)
        for (std::size_t d = 0; d < features; ++d)
          mixed[d] += weights[j] / sum * double(row(qkv[2], j)[d]);
      expected.insert(expected.end(), mixed.begin(), mixed.end());
      found.insert(found.end(), row(result, i).begin(), row(result, i).end());
    }
  }
  require_close(found, expected, what);
}

}  // namespace heed::bench
