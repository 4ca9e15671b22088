// Products whose columns are split and combined elementwise, as in gated linear units, against
// loops in double: parts of whole vectors and not, one result and two, any number of rows.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "heed/dsl/dsl.h"
#include "heed/dsl/load.h"
#include "heed/runtime/formula.h"
#include "heed/runtime/session.h"

using namespace heed;

namespace {

constexpr dim Rows{"Rows"};
constexpr std::int64_t features = 37;

// x W + b, in parts of Hidden columns.
template <std::int64_t Parts, std::int64_t Hidden>
constexpr auto split_product(expression auto x) {
  return split<Parts, -1>(matmul(x, param<"w", tensor<f32, features, Parts * Hidden>>) +
                          param<"b", tensor<f32, Parts * Hidden>>);
}

// Shazeer 2020, "GLU Variants Improve Transformer"; a result that is returned twice.
template <std::int64_t Hidden>
struct swiglu {
  static constexpr std::size_t count = 2;
  constexpr auto operator()(expression auto x) const {
    auto [gate, up] = split_product<2, Hidden>(x);
    auto y = silu(gate) * up;
    return parts{y, y};
  }
  static std::pair<double, double> apply(const double* s) {
    const double y = s[0] / (1 + std::exp(-s[0])) * s[1];
    return {y, y};
  }
};

// Two results, one of which the other is made of.
template <std::int64_t Hidden>
struct cell {
  static constexpr std::size_t count = 3;
  constexpr auto operator()(expression auto x) const {
    auto [a, b, c] = split_product<3, Hidden>(x);
    auto memory = tanh(a) * b;
    return parts{memory, sigmoid(c) * memory};
  }
  static std::pair<double, double> apply(const double* s) {
    const double memory = std::tanh(s[0]) * s[1];
    return {memory, memory / (1 + std::exp(-s[2]))};
  }
};

double error(double expected, float found) {
  return std::abs(expected - double(found)) / std::max(1.0, std::abs(expected));
}

template <template <std::int64_t> class Model, std::int64_t Hidden>
void check() {
  using model = Model<Hidden>;
  for (const char* target : {"reference", "host", "x86-64-avx2", "x86-64"}) {
    CAPTURE(target);
    Options options;
    options.target = target;
    Program program = load<model, tensor<f32, Rows, features>>(options);
    const Checkpoint weights = formula_checkpoint(program.parameters());
    const Tensor w = weights.read("w"), b = weights.read("b");
    Session session = program.bind(weights, 1);
    for (std::int64_t rows : {1, 2, 13}) {
      Tensor x(DType::f32, {rows, features});
      formula_input("input", x.as<float>());
      const auto results = session.run(x);
      const Tensor &y = results[0], &z = results[1];
      double worst = 0;
      for (std::size_t at = 0; at < std::size_t(rows * Hidden); ++at) {
        const std::size_t m = at / Hidden, n = at % Hidden, columns = model::count * Hidden;
        double sums[model::count];
        for (std::size_t p = 0; p < model::count; ++p) {
          sums[p] = double(b.as<float>()[p * Hidden + n]);
          for (std::size_t k = 0; k < features; ++k)
            sums[p] += double(x.as<float>()[m * features + k]) *
                       double(w.as<float>()[k * columns + p * Hidden + n]);
        }
        const auto [first, second] = model::apply(sums);
        worst = std::max(worst, error(first, y.as<float>()[at]));
        worst = std::max(worst, error(second, z.as<float>()[at]));
      }
      CHECK(worst < 2e-6);
    }
  }
}

}  // namespace

TEST_CASE("SwiGLU") {
  check<swiglu, 40>();
  check<swiglu, 128>();
}

TEST_CASE("three parts give two results") {
  check<cell, 61>();
  check<cell, 96>();
}
