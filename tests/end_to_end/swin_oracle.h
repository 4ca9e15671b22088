// Swin's block in double, from its definition: every window is found by its coordinates, nothing is
// reshaped or rolled.
#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "heed/runtime/formula.h"

namespace heed::oracle {

struct SwinSizes {
  std::int64_t batch, height, width, features, heads, window, shift;
};

class SwinBlock {
 public:
  explicit SwinBlock(const SwinSizes& sizes) : n(sizes) {}

  std::vector<double> run(std::span<const float> image) const {
    std::vector<double> x(image.begin(), image.end());
    std::vector<double> h = windows(normalized("norm1", x));
    for (std::size_t i = 0; i < x.size(); ++i) h[i] += x[i];
    std::vector<double> hidden =
        linear("mlp.fc1", normalized("norm2", h), n.features, 4 * n.features);
    for (double& v : hidden) v = 0.5 * v * (1 + std::erf(v / std::sqrt(2.0)));
    std::vector<double> out = linear("mlp.fc2", hidden, 4 * n.features, n.features);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += h[i];
    return out;
  }

 private:
  SwinSizes n;

  static std::vector<float> parameter(const std::string& name,
                                      const std::vector<std::int64_t>& shape) {
    std::int64_t count = 1;
    for (std::int64_t extent : shape) count *= extent;
    std::vector<float> values(static_cast<std::size_t>(count));
    formula_fill(name, shape, values);
    return values;
  }

  std::vector<double> normalized(const std::string& name, const std::vector<double>& x) const {
    std::vector<float> weight = parameter(name + ".weight", {n.features}),
                       bias = parameter(name + ".bias", {n.features});
    std::vector<double> y(x.size());
    const auto c = std::size_t(n.features);
    for (std::size_t row = 0; row < x.size(); row += c) {
      double mean = 0, variance = 0;
      for (std::size_t e = 0; e < c; ++e) mean += x[row + e] / double(c);
      for (std::size_t e = 0; e < c; ++e)
        variance += (x[row + e] - mean) * (x[row + e] - mean) / double(c);
      for (std::size_t e = 0; e < c; ++e)
        y[row + e] =
            (x[row + e] - mean) / std::sqrt(variance + 1e-5) * double(weight[e]) + double(bias[e]);
    }
    return y;
  }

  static std::vector<double> linear(const std::string& name, const std::vector<double>& x,
                                    std::int64_t in, std::int64_t out) {
    std::vector<float> weight = parameter(name + ".weight", {out, in}),
                       bias = parameter(name + ".bias", {out});
    std::vector<double> y;
    for (std::size_t row = 0; row < x.size(); row += std::size_t(in))
      for (std::int64_t o = 0; o < out; ++o) {
        double sum = double(bias[std::size_t(o)]);
        const float* w = &weight[std::size_t(o * in)];
        for (std::int64_t e = 0; e < in; ++e) sum += x[row + std::size_t(e)] * double(w[e]);
        y.push_back(sum);
      }
    return y;
  }

  // A pixel of a window, in the padded image as it lies, and the piece of the shifted image that it
  // belongs to.
  struct Pixel {
    std::int64_t y, x, piece;
  };
  Pixel pixel(std::int64_t row, std::int64_t column, std::int64_t at) const {
    const std::int64_t h = padded(n.height), w = padded(n.width);
    // shifted
    const std::int64_t y = row * n.window + at / n.window, x = column * n.window + at % n.window;
    auto piece = [&](std::int64_t p, std::int64_t extent) {
      return shift(extent) == 0 || p < extent - n.window ? 0 : p < extent - n.shift ? 1 : 2;
    };
    return {(y + shift(h)) % h, (x + shift(w)) % w, 3 * piece(y, h) + piece(x, w)};
  }
  std::int64_t shift(std::int64_t extent) const { return extent == n.window ? 0 : n.shift; }
  std::int64_t padded(std::int64_t extent) const {
    return (extent + n.window - 1) / n.window * n.window;
  }

  // proj(attention) on every pixel of the image; padding is zeros before the projection to q, k, v.
  std::vector<double> windows(const std::vector<double>& x) const {
    const std::int64_t h = padded(n.height), w = padded(n.width), c = n.features, d = c / n.heads;
    const std::int64_t area = n.window * n.window, span = 2 * n.window - 1;
    std::vector<double> grown(std::size_t(n.batch * h * w * c));
    auto copied = [&](std::int64_t b, std::int64_t row, std::int64_t column, auto&& f) {
      for (std::int64_t e = 0; e < c; ++e)
        f(std::size_t(((b * h + row) * w + column) * c + e),
          std::size_t(((b * n.height + row) * n.width + column) * c + e));
    };
    auto everyPixel = [&](auto&& f) {
      for (std::int64_t b = 0; b < n.batch; ++b)
        for (std::int64_t row = 0; row < n.height; ++row)
          for (std::int64_t column = 0; column < n.width; ++column) copied(b, row, column, f);
    };
    everyPixel([&](std::size_t to, std::size_t from) { grown[to] = x[from]; });
    std::vector<double> qkv = linear("attn.qkv", grown, c, 3 * c), mixed(grown.size()),
                        scores(static_cast<std::size_t>(area));
    std::vector<float> table =
        parameter("attn.relative_position_bias_table", {span * span, n.heads});
    for (std::int64_t b = 0; b < n.batch; ++b)
      for (std::int64_t row = 0; row < h / n.window; ++row)
        for (std::int64_t column = 0; column < w / n.window; ++column)
          for (std::int64_t head = 0; head < n.heads; ++head)
            for (std::int64_t i = 0; i < area; ++i) {
              const Pixel query = pixel(row, column, i);
              auto of = [&](const Pixel& p, std::int64_t which) {
                return std::size_t(((b * h + p.y) * w + p.x) * 3 * c + which * c + head * d);
              };
              double total = 0, largest = -INFINITY;
              for (std::int64_t j = 0; j < area; ++j) {
                const Pixel key = pixel(row, column, j);
                double& s = scores[std::size_t(j)];
                s = 0;
                for (std::int64_t e = 0; e < d; ++e)
                  s += qkv[of(query, 0) + std::size_t(e)] * qkv[of(key, 1) + std::size_t(e)] /
                       std::sqrt(double(d));
                const std::int64_t dy = i / n.window - j / n.window,
                                   dx = i % n.window - j % n.window;
                s += double(table[std::size_t(
                    ((dy + n.window - 1) * span + dx + n.window - 1) * n.heads + head)]);
                if (key.piece != query.piece) s = -INFINITY;
                largest = std::max(largest, s);
              }
              for (double& s : scores) total += s = std::exp(s - largest);
              for (std::int64_t j = 0; j < area; ++j) {
                const Pixel key = pixel(row, column, j);
                for (std::int64_t e = 0; e < d; ++e)
                  mixed[std::size_t(((b * h + query.y) * w + query.x) * c + head * d + e)] +=
                      scores[std::size_t(j)] / total * qkv[of(key, 2) + std::size_t(e)];
              }
            }
    std::vector<double> projected = linear("attn.proj", mixed, c, c), result(x.size());
    everyPixel([&](std::size_t from, std::size_t to) { result[to] = projected[from]; });
    return result;
  }
};

}  // namespace heed::oracle
