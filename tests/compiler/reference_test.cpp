// The reference target, kind by kind, against loops written by hand in double.
#include "heed/tests/compiler/kernel_comparison.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace heed;
using namespace heed::test;

namespace {

using Numbers = std::vector<double>;
constexpr double infinity = std::numeric_limits<double>::infinity();

void check_close(const Numbers& actual, const Numbers& expected, double tolerance = 2e-7) {
  CHECK_EQ(difference(actual, expected, tolerance), "");
}

// The region that passes its value through, with n captured operands.
std::string through(int captured = 0, const std::string& type = "f32") {
  std::string text = "{ ^bb0(%value: " + type;
  for (int n = 0; n < captured; ++n) text += ", %u" + std::to_string(n) + ": f32";
  return text + "): heed.yield %value : " + type + " }";
}

}  // namespace

TEST_CASE("contract: batch, bias, activation and residual") {
  // a [B, 7, 5], b [5, 3], bias [3], residual [B, 7, 3]
  const std::string text = R"(
    func.func @f(%a: tensor<?x7x5xf32, "B,7,5">, %b: tensor<5x3xf32>, %c: tensor<3xf32>, %r: tensor<?x7x3xf32, "B,7,3">)
        -> tensor<?x7x3xf32, "B,7,3"> {
      %0 = heed.contract(%a, %b, %c, %r) {
        domain = ["m0:B", "m1:7", "n0:3", "k0:5"], symbols = [],
        maps = [affine_map<(m, l, n, k) -> (m, l, k)>, affine_map<(m, l, n, k) -> (k, n)>,
                affine_map<(m, l, n, k) -> (n)>, affine_map<(m, l, n, k) -> (m, l, n)>],
        stores = [affine_map<(m, l, n, k) -> (m, l, n)>]}
      prologue {
      ^bb0(%x: f32, %u: f32, %v: f32):
        %y = heed.relu %x : (f32) -> f32
        heed.yield %y : f32
      } epilogue {
      ^bb0(%x: f32, %u: f32, %v: f32):
        %s = heed.add %x, %u : (f32, f32) -> f32
        %g = heed.gelu %s : (f32) -> f32
        %y = heed.add %g, %v : (f32, f32) -> f32
        heed.yield %y : f32
      } : (tensor<?x7x5xf32, "B,7,5">, tensor<5x3xf32>, tensor<3xf32>, tensor<?x7x3xf32, "B,7,3">)
        -> tensor<?x7x3xf32, "B,7,3">
      return %0 : tensor<?x7x3xf32, "B,7,3">
    })";
  KernelRunner runner(text, "reference");
  for (std::int64_t batch : {1, 4}) {
    auto inputs = runner.inputs({{"B", batch}});
    Numbers a = inputs[0].numbers(), b = inputs[1].numbers(), c = inputs[2].numbers(),
            r = inputs[3].numbers(), y;
    for (int m = 0; m < 7 * batch; ++m)
      for (int n = 0; n < 3; ++n) {
        double sum = c[n];
        for (int k = 0; k < 5; ++k) sum += std::max(a[m * 5 + k], 0.0) * b[k * 3 + n];
        y.push_back(sum / 2 * (1 + std::erf(sum / std::sqrt(2))) + r[m * 3 + n]);
      }
    for (int pieces : {1, 5}) {
      auto outcome = runner.run(inputs, {{"B", batch}}, pieces);
      CHECK_EQ(outcome.status, 0);
      check_close(outcome.results[0].numbers(), y);
    }
    auto sliced = KernelRunner(text, "reference", Placement::sliced).run(inputs, {{"B", batch}});
    check_close(sliced.results[0].numbers(), y);
  }
}

TEST_CASE("pack, then contract over panels") {
  // b [2, 5, 3] in panels of 4 of its 3 columns, transposed as it is read: b[n, k] with a batch
  const std::string text = R"(
    func.func @f(%a: tensor<2x4x5xf32>, %b: tensor<2x6x5xf32>) -> (tensor<2x2x5x4xf32>, tensor<2x4x6xf32>) {
      %p = heed.pack(%b) {
        domain = ["b0:2", "n0:6", "k0:5"], symbols = [], width = 4,
        maps = [affine_map<(b, n, k) -> (b, n, k)>],
        stores = [affine_map<(b, n, k) -> (b, n floordiv 4, k, n mod 4)>]}
        : (tensor<2x6x5xf32>) -> tensor<2x2x5x4xf32>
      %0 = heed.contract(%a, %p) {
        domain = ["b0:2", "m0:4", "n0:6", "k0:5"], symbols = [], packed = 4,
        maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n floordiv 4, k, n mod 4)>],
        stores = [affine_map<(b, m, n, k) -> (b, m, n)>]}
      prologue )" + through() +
                           " epilogue " + through() + R"(
        : (tensor<2x4x5xf32>, tensor<2x2x5x4xf32>) -> tensor<2x4x6xf32>
      return %p, %0 : tensor<2x2x5x4xf32>, tensor<2x4x6xf32>
    })";
  KernelRunner runner(text, "reference");
  auto inputs = runner.inputs();
  Numbers a = inputs[0].numbers(), b = inputs[1].numbers(), panels, y;
  for (int i = 0; i < 2; ++i)
    for (int p = 0; p < 2; ++p)
      for (int k = 0; k < 5; ++k)
        for (int c = 0; c < 4; ++c)
          panels.push_back(p * 4 + c < 6 ? b[(i * 6 + p * 4 + c) * 5 + k] : 0);
  for (int i = 0; i < 2; ++i)
    for (int m = 0; m < 4; ++m)
      for (int n = 0; n < 6; ++n) {
        double sum = 0;
        for (int k = 0; k < 5; ++k) sum += a[(i * 4 + m) * 5 + k] * b[(i * 6 + n) * 5 + k];
        y.push_back(sum);
      }
  auto outcome = runner.run(inputs, {}, 3);
  check_close(outcome.results[0].numbers(), panels);
  check_close(outcome.results[1].numbers(), y);
}

namespace {

// q, k, v [B, H, T, 4 or 3], bias [H, T, T]; causal over shifted positions, queries below `first`
// see nothing.
const std::string attention_text = R"(
  func.func @f(%q: tensor<2x?x?x4xf32, "2,H,T,4">, %k: tensor<2x?x?x4xf32, "2,H,T,4">,
               %v: tensor<2x?x?x3xf32, "2,H,T,3">, %bias: tensor<?x?x?xf32, "H,T,T">)
      -> (tensor<2x?x?x3xf32, "2,T,H,3">, tensor<2x?x?x?xf32, "2,H,T,T">) {
    %0, %w = heed.attention(%q, %k, %v, %bias) {
      domain = ["b0:2", "b1:H", "i0:T", "j0:T", "e0:4", "d0:3"], symbols = [], scale = 0.5,
      maps = [affine_map<(b, h, i, j, e, d) -> (b, h, i, e)>, affine_map<(b, h, i, j, e, d) -> (b, h, j, e)>,
              affine_map<(b, h, i, j, e, d) -> (b, h, j, d)>, affine_map<(b, h, i, j, e, d) -> (h, i, j)>],
      stores = [affine_map<(b, h, i, j, e, d) -> (b, i, h, d)>, affine_map<(b, h, i, j, e, d) -> (b, h, i, j)>]}
    score {
    ^bb0(%s: f32, %u: f32):
      %t = heed.add %s, %u : (f32, f32) -> f32
      heed.yield %t : f32
    } mask {
    ^bb0(%u: f32):
      %i = heed.coordinate affine_map<(b, h, i, j, e, d) -> (i)> : i64
      %j = heed.coordinate affine_map<(b, h, i, j, e, d) -> (j + 1)> : i64
      %live = heed.le %j, %i : (i64, i64) -> i1
      heed.yield %live : i1
    } epilogue {
    ^bb0(%x: f32, %u: f32):
      %two = heed.constant {value = 2.0 : f64} : () -> f32
      %y = heed.mul %x, %two : (f32, f32) -> f32
      heed.yield %y : f32
    } : (tensor<2x?x?x4xf32, "2,H,T,4">, tensor<2x?x?x4xf32, "2,H,T,4">, tensor<2x?x?x3xf32, "2,H,T,3">,
         tensor<?x?x?xf32, "H,T,T">)
      -> (tensor<2x?x?x3xf32, "2,T,H,3">, tensor<2x?x?x?xf32, "2,H,T,T">)
    return %0, %w : tensor<2x?x?x3xf32, "2,T,H,3">, tensor<2x?x?x?xf32, "2,H,T,T">
  })";

}  // namespace

TEST_CASE("attention: bias, mask, weights; a query without a live key gives zeros") {
  KernelRunner runner(attention_text, "reference");
  const int heads = 3, length = 5;
  const Symbols symbols{{"H", heads}, {"T", length}};
  auto inputs = runner.inputs(symbols);
  Numbers q = inputs[0].numbers(), k = inputs[1].numbers(), v = inputs[2].numbers(),
          bias = inputs[3].numbers();
  Numbers y(2 * length * heads * 3), weights(2 * heads * length * length);
  for (int b = 0; b < 2; ++b)
    for (int h = 0; h < heads; ++h)
      for (int i = 0; i < length; ++i) {
        const int head = b * heads + h;
        Numbers p(length);
        double sum = 0;
        for (int j = 0; j < i; ++j) {
          double s = 0;
          for (int e = 0; e < 4; ++e)
            s += q[(head * length + i) * 4 + e] * k[(head * length + j) * 4 + e];
          sum += p[j] = std::exp(s / 2 + bias[(h * length + i) * length + j]);
        }
        for (int j = 0; j < i; ++j) {
          weights[(head * length + i) * length + j] = p[j] / sum;
          for (int d = 0; d < 3; ++d)
            y[((b * length + i) * heads + h) * 3 + d] +=
                2 * p[j] / sum * v[(head * length + j) * 3 + d];
        }
      }
  for (int pieces : {1, 4}) {
    auto outcome = runner.run(inputs, symbols, pieces);
    CHECK_EQ(outcome.status, 0);
    check_close(outcome.results[0].numbers(), y);
    check_close(outcome.results[1].numbers(), weights);
  }
}

namespace {

// x [T, 6] along its last axis; `kept` says whether k stays.
std::string rows_text(const std::string& reduction, bool kept, const std::string& type = "f32") {
  const std::string x = "tensor<?x6x" + type + ", \"T,6\">",
                    y = kept ? x : "tensor<?x" + type + ", \"T\">";
  return "func.func @f(%x: " + x + ") -> " + y +
         " { %0 = heed.rows(%x) {domain = [\"i0:T\", \"k0:6\"], symbols = [], " + "reduction = \"" +
         reduction + "\", eps = 1.0e-3 : f64, maps = [affine_map<(i, k) -> (i, k)>], stores = [" +
         (kept ? "affine_map<(i, k) -> (i, k)>" : "affine_map<(i, k) -> (i)>") + "]} prologue " +
         through(0, type) + " epilogue " + through(0, type) + " : (" + x + ") -> " + y +
         " return %0 : " + y + " }";
}

Numbers run_rows(const std::string& text, const Array& x) {
  auto outcome = KernelRunner(text, "reference").run({x}, {{"T", std::int64_t(x.size() / 6)}}, 2);
  CHECK_EQ(outcome.status, 0);
  return outcome.results[0].numbers();
}

}  // namespace

TEST_CASE("rows: every reduction") {
  const Array x(DType::f32, {1, 2, 3, -4, 5, 6, -infinity, -infinity, -infinity, -infinity,
                             -infinity, -infinity,  //
                             0.5, 0.25, -0.5, 8, -infinity, 2});
  const Array finite(DType::f32, {1, 2, 3, -4, 5, 6, 0.5, 0.25, -0.5, 8, 1, 2});
  const Numbers n = x.numbers(), f = finite.numbers();
  Numbers softmax(18), normal(12), sum(2), mean(2), max(2), min(2);
  for (int row : {0, 2}) {
    double total = 0;
    for (int k = 0; k < 6; ++k) total += std::exp(n[row * 6 + k]);
    for (int k = 0; k < 6; ++k) softmax[row * 6 + k] = std::exp(n[row * 6 + k]) / total;
  }
  for (int row = 0; row < 2; ++row) {
    const double* r = &f[row * 6];
    for (int k = 0; k < 6; ++k) sum[row] += r[k];
    mean[row] = sum[row] / 6;
    max[row] = *std::max_element(r, r + 6);
    min[row] = *std::min_element(r, r + 6);
    double variance = 0;
    for (int k = 0; k < 6; ++k) variance += (r[k] - mean[row]) * (r[k] - mean[row]) / 6;
    for (int k = 0; k < 6; ++k)
      normal[row * 6 + k] = (r[k] - mean[row]) / std::sqrt(variance + 1e-3);
  }
  check_close(run_rows(rows_text("softmax", true), x), softmax);
  check_close(run_rows(rows_text("normalize", true), finite), normal);
  check_close(run_rows(rows_text("sum", false), finite), sum);
  check_close(run_rows(rows_text("mean", false), finite), mean);
  check_close(run_rows(rows_text("max", false), finite), max);
  check_close(run_rows(rows_text("min", false), finite), min);
}

TEST_CASE("rows of integers") {
  const Array x(DType::i64, {1, 2, 3, -4, 5, 6, 7, -8, 9, 10, 11, 12});
  CHECK_EQ(run_rows(rows_text("sum", false, "i64"), x), Numbers{13, 41});
  CHECK_EQ(run_rows(rows_text("max", false, "i64"), x), Numbers{6, 12});
  CHECK_EQ(run_rows(rows_text("min", false, "i64"), x), Numbers{-4, -8});
}

TEST_CASE("map: rolls, padding, symbols, several results and dtypes") {
  // y[i, j] = x[(i + 2) mod T, j - 1], 9 beside the bounds; z = y > 0; p = i * T + j
  const std::string text = R"(
    func.func @f(%x: tensor<?x3xf32, "T,3">)
        -> (tensor<?x5xf16, "T,5">, tensor<?x5xi1, "T,5">, tensor<?x5xi32, "T,5">) {
      %0, %1, %2 = heed.map(%x) {
        domain = ["i0:T", "i1:5"], symbols = ["T"], fill = [9.0],
        maps = [affine_map<(i, j)[t] -> ((i + 2) mod t, j - 1)>],
        stores = [affine_map<(i, j)[t] -> (i, j)>, affine_map<(i, j)[t] -> (i, j)>, affine_map<(i, j)[t] -> (i, j)>]}
      body {
      ^bb0(%u: f32):
        %zero = heed.constant {value = 0.0 : f64} : () -> f32
        %b = heed.gt %u, %zero : (f32, f32) -> i1
        %h = heed.cast %u : (f32) -> f16
        %c = heed.coordinate affine_map<(i, j)[t] -> (i * t + j)> : i64
        %n = heed.cast %c : (i64) -> i32
        heed.yield %h, %b, %n : f16, i1, i32
      } : (tensor<?x3xf32, "T,3">) -> (tensor<?x5xf16, "T,5">, tensor<?x5xi1, "T,5">, tensor<?x5xi32, "T,5">)
      return %0, %1, %2 : tensor<?x5xf16, "T,5">, tensor<?x5xi1, "T,5">, tensor<?x5xi32, "T,5">
    })";
  KernelRunner runner(text, "reference");
  const int length = 4;
  auto inputs = runner.inputs({{"T", length}});
  Numbers x = inputs[0].numbers(), y, z, p;
  for (int i = 0; i < length; ++i)
    for (int j = 0; j < 5; ++j) {
      y.push_back(j < 1 || j > 3 ? 9 : x[(i + 2) % length * 3 + j - 1]);
      z.push_back(y.back() > 0);
      p.push_back(i * length + j);
    }
  auto outcome = runner.run(inputs, {{"T", length}}, 3);
  CHECK_EQ(outcome.status, 0);
  check_close(outcome.results[0].numbers(), y, 1e-3);
  CHECK_EQ(outcome.results[1].numbers(), z);
  CHECK_EQ(outcome.results[2].numbers(), p);
}

namespace {

const std::string gather_text = R"(
  func.func @f(%table: tensor<4x3xf32>, %at: tensor<?xi64, "T">) -> tensor<?x3xf32, "T,3"> {
    %0 = heed.map(%table, %at) {
      domain = ["i0:T", "i1:3"], symbols = [], gather,
      maps = [affine_map<(i, j) -> (0, j)>, affine_map<(i, j) -> (i)>], stores = [affine_map<(i, j) -> (i, j)>]}
    body {
    ^bb0(%u: f32, %n: i64):
      heed.yield %u : f32
    } : (tensor<4x3xf32>, tensor<?xi64, "T">) -> tensor<?x3xf32, "T,3">
    return %0 : tensor<?x3xf32, "T,3">
  })";

}  // namespace

TEST_CASE("map: gather") {
  KernelRunner runner(gather_text, "reference");
  Array table(DType::f32, {0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32});
  auto outcome = runner.run({table, Array(DType::i64, {2, 0, 3})}, {{"T", 3}});
  CHECK_EQ(outcome.status, 0);
  CHECK_EQ(outcome.results[0].numbers(), Numbers{20, 21, 22, 0, 1, 2, 30, 31, 32});
  CHECK_EQ(runner.run({table, Array(DType::i64, {2, 4})}, {{"T", 2}}).status, 1);
  CHECK_EQ(runner.run({table, Array(DType::i64, {-1, 1})}, {{"T", 2}}).status, 1);
}

TEST_CASE("an access outside its tensor fails the run") {
  auto text = [](const std::string& map, const std::string& store) {
    return "func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> { %0 = heed.map(%x) {domain = "
           "[\"i0:4\"], symbols = [], "
           "maps = [affine_map<" +
           map + ">], stores = [affine_map<" + store + ">]} body " + through() +
           " : (tensor<4xf32>) -> tensor<4xf32> return %0 : tensor<4xf32> }";
  };
  const Array x(DType::f32, {1, 2, 3, 4});
  CHECK_EQ(KernelRunner(text("(i) -> (i)", "(i) -> (i)"), "reference").run({x}).status, 0);
  CHECK_EQ(KernelRunner(text("(i) -> (i + 1)", "(i) -> (i)"), "reference").run({x}).status, 1);
  CHECK_EQ(KernelRunner(text("(i) -> (i - 1)", "(i) -> (i)"), "reference").run({x}).status, 1);
  CHECK_EQ(KernelRunner(text("(i) -> (i)", "(i) -> (i * 2)"), "reference").run({x}).status, 1);
}
