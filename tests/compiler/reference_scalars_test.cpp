// The scalar language of regions, on the reference target, against <cmath> in double.
#include "heed/tests/compiler/kernel_comparison.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace heed;
using namespace heed::test;

TEST_CASE("scalar ops") {
  struct Case {
    const char* op;
    double (*expected)(double x, double y);
  };
  const Case cases[] = {
      {"add %x, %y", [](double x, double y) { return x + y; }},
      {"sub %x, %y", [](double x, double y) { return x - y; }},
      {"mul %x, %y", [](double x, double y) { return x * y; }},
      {"div %x, %y", [](double x, double y) { return x / y; }},
      {"maximum %x, %y", [](double x, double y) { return std::max(x, y); }},
      {"minimum %x, %y", [](double x, double y) { return std::min(x, y); }},
      {"pow %x, %y", [](double x, double y) { return std::pow(x, y); }},
      {"neg %x", [](double x, double) { return -x; }},
      {"abs %x", [](double x, double) { return std::abs(x); }},
      {"exp %x", [](double x, double) { return std::exp(x); }},
      {"log %x", [](double x, double) { return std::log(x); }},
      {"sqrt %x", [](double x, double) { return std::sqrt(x); }},
      {"rsqrt %x", [](double x, double) { return 1 / std::sqrt(x); }},
      {"tanh %x", [](double x, double) { return std::tanh(x); }},
      {"sigmoid %x", [](double x, double) { return 1 / (1 + std::exp(-x)); }},
      {"erf %x", [](double x, double) { return std::erf(x); }},
      {"sin %x", [](double x, double) { return std::sin(x); }},
      {"cos %x", [](double x, double) { return std::cos(x); }},
      {"relu %x", [](double x, double) { return std::max(x, 0.0); }},
      {"gelu %x", [](double x, double) { return x / 2 * (1 + std::erf(x / std::sqrt(2))); }},
      {"silu %x", [](double x, double) { return x / (1 + std::exp(-x)); }},
  };
  const Array x(DType::f32, {-3, -0.5, 0.125, 1, 2.5, 7}), y(DType::f32, {2, -1, 3, 0.5, -2, 1});
  for (const Case& one : cases) {
    CAPTURE(one.op);
    bool binary = std::string(one.op).find("%y") != std::string::npos;
    KernelRunner runner(
        std::string(
            "func.func @f(%a: tensor<6xf32>, %b: tensor<6xf32>) -> tensor<6xf32> { "
            "%0 = heed.map(%a, %b) {domain = [\"i0:6\"], symbols = [], maps = [affine_map<(i) -> "
            "(i)>, affine_map<(i) -> (i)>], "
            "stores = [affine_map<(i) -> (i)>]} body { ^bb0(%x: f32, %y: f32): %z = heed.") +
            one.op + (binary ? " : (f32, f32) -> f32" : " : (f32) -> f32") +
            " heed.yield %z : f32 } "
            ": (tensor<6xf32>, tensor<6xf32>) -> tensor<6xf32> return %0 : tensor<6xf32> }",
        "reference");
    std::vector<double> expected;
    for (int n = 0; n < 6; ++n) expected.push_back(one.expected(x.numbers()[n], y.numbers()[n]));
    CHECK_EQ(difference(runner.run({x, y}).results[0].numbers(), expected, 2e-7), "");
  }
}

TEST_CASE("logic, where and casts") {
  KernelRunner runner(R"(
    func.func @f(%a: tensor<4xf32>, %b: tensor<4xi1>) -> (tensor<4xf32>, tensor<4xi8>, tensor<4xbf16>) {
      %0, %1, %2 = heed.map(%a, %b) {domain = ["i0:4"], symbols = [],
        maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
        stores = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>]}
      body {
      ^bb0(%x: f32, %c: i1):
        %n = heed.logical_not %c : (i1) -> i1
        %zero = heed.constant {value = 0.0 : f64} : () -> f32
        %p = heed.gt %x, %zero : (f32, f32) -> i1
        %and = heed.logical_and %n, %p : (i1, i1) -> i1
        %or = heed.logical_or %n, %p : (i1, i1) -> i1
        %w = heed.where %and, %x, %zero : (i1, f32, f32) -> f32
        %i = heed.cast %x : (f32) -> i8
        %o = heed.cast %or : (i1) -> i8
        %s = heed.add %i, %o : (i8, i8) -> i8
        %h = heed.cast %x : (f32) -> bf16
        heed.yield %w, %s, %h : f32, i8, bf16
      } : (tensor<4xf32>, tensor<4xi1>) -> (tensor<4xf32>, tensor<4xi8>, tensor<4xbf16>)
      return %0, %1, %2 : tensor<4xf32>, tensor<4xi8>, tensor<4xbf16>
    })",
                      "reference");
  auto outcome =
      runner.run({Array(DType::f32, {2.75, -3.5, 1.25, 7}), Array(DType::boolean, {0, 0, 1, 1})});
  CHECK_EQ(outcome.results[0].numbers(), std::vector<double>{2.75, 0, 0, 0});
  CHECK_EQ(outcome.results[1].numbers(), std::vector<double>{3, -2, 2, 8});
  CHECK_EQ(outcome.results[2].numbers(), std::vector<double>{2.75, -3.5, 1.25, 7});
}
