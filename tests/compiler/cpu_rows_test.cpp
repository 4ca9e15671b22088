// Vector code of heed.rows against the reference target.
#include "heed/tests/compiler/kernel_comparison.h"

#include <doctest/doctest.h>

#include <limits>

using namespace heed;
using namespace heed::test;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Rows {
  std::string reduction, domain, x, map, y, store;
  std::string attributes = {}, prologue = {}, epilogue = {};  // the latter with %u for ins[1]
  std::string captured = {}, captured_map = {};               // ins[1], where there is one
  std::string type = "f32";
};

std::string text_of_rows(const Rows& r) {
  const bool more = !r.captured.empty();
  auto region = [&](const std::string& body, const char* value) {
    return "{\n  ^bb0(%" + std::string(value) + ": " + r.type +
           (more ? ", %u" + std::string(value) + ": f32" : "") + "):\n" +
           (body.empty() ? "    heed.yield %" + std::string(value) + " : " + r.type : body) +
           "\n  }";
  };
  return "func.func @f(%in: " + r.x + (more ? ", %with: " + r.captured : "") + ") -> " + r.y +
         " {\n  %0 = heed.rows(%in" + (more ? ", %with" : "") + ") {domain = " + r.domain +
         ", reduction = \"" + r.reduction + "\", eps = 1.0e-5 : f64" + r.attributes +
         ", maps = [affine_map<" + r.map + ">" +
         (more ? ", affine_map<" + r.captured_map + ">" : "") + "], stores = [affine_map<" +
         r.store + ">]} prologue " + region(r.prologue, "p") + " epilogue " +
         region(r.epilogue, "q") + " : (" + r.x + (more ? ", " + r.captured : "") + ") -> " + r.y +
         "\n  return %0 : " + r.y + "\n}\n";
}

void check(const Rows& rows, const Symbols& symbols = {}, const std::vector<Array>& inputs = {},
           double tolerance = 1e-6) {
  const std::string text = text_of_rows(rows);
  CAPTURE(text);
  for (const std::string& target : vector_targets())
    CHECK_EQ(compare_with_reference(text, target, symbols, tolerance, inputs), "");
}

const std::string plain = ", symbols = []";

// x [T, K] along its last axis
Rows last_axis(const std::string& reduction, const std::string& k, bool kept) {
  const bool is_static = k != "K";
  const std::string size = is_static ? k : "?";
  const std::string x = "tensor<?x" + size + "xf32, \"T," + k + "\">";
  return {reduction,
          "[\"i0:T\", \"k0:" + k + "\"]",
          x,
          "(i, k) -> (i, k)",
          kept ? x : "tensor<?xf32, \"T\">",
          kept ? "(i, k) -> (i, k)" : "(i, k) -> (i)",
          plain};
}

const char* reductions[] = {"sum", "mean", "max", "min"};

}  // namespace

TEST_CASE("the last axis: every reduction, static and symbolic lengths") {
  for (const char* k : {"1", "7", "49", "64", "197", "K"}) {
    for (const char* reduction : {"softmax", "normalize"})
      check(last_axis(reduction, k, true), {{"T", 5}, {"K", 83}});
    // The rounding of a sum follows the size of its terms (here Σ|x| is about 100), not that of its
    // result.
    for (const char* reduction : reductions)
      check(last_axis(reduction, k, false), {{"T", 5}, {"K", 83}}, {},
            reduction == std::string("sum") ? 1e-5 : 1e-6);
  }
}

TEST_CASE("softmax: -inf, and rows of nothing else") {
  Rows rows = last_axis("softmax", "37", true);
  std::vector<double> x(4 * 37);
  for (int n = 0; n < 4 * 37; ++n)
    x[n] = n / 37 == 2 || n % 3 == 0 ? -infinity : n % 11 * 30.0 - 100;
  check(rows, {{"T", 4}}, {Array(DType::f32, x)});
}

TEST_CASE("softmax: a weight is 0 rather than denormal") {
  std::vector<double> x(37);
  for (int n = 0; n < 37; ++n) x[n] = n % 2 ? -100 : n % 7 * 0.1;  // exp(-100) is 4e-44
  for (const std::string& target : vector_targets()) {
    CAPTURE(target);
    const std::string text = text_of_rows(last_axis("softmax", "37", true));
    for (double y :
         outcome_of(text, target, {{"T", 1}}, {Array(DType::f32, x)}).results[0].numbers())
      CHECK((y == 0 || y >= std::numeric_limits<float>::min()));
  }
}

TEST_CASE("normalize: a large mean keeps its digits") {
  Rows rows = last_axis("normalize", "768", true);
  std::vector<double> x(3 * 768);
  for (int n = 0; n < 3 * 768; ++n) x[n] = float(100 + n * 37 % 101 * 0.01);
  check(rows, {{"T", 3}}, {Array(DType::f32, x)},
        2e-5);  // as the input's own rounding, 100 / 0.3 · 6e-8
}

TEST_CASE("prologue and epilogue with captured operands") {
  Rows rows = last_axis("normalize", "45", true);
  rows.captured = "tensor<45xf32>";
  rows.captured_map = "(i, k) -> (k)";
  rows.prologue = R"(
    %s = heed.add %p, %up : (f32, f32) -> f32
    heed.yield %s : f32)";
  rows.epilogue = R"(
    %s = heed.mul %q, %uq : (f32, f32) -> f32
    %r = heed.relu %s : (f32) -> f32
    heed.yield %r : f32)";
  check(rows, {{"T", 6}});
  rows.reduction = "softmax";
  check(rows, {{"T", 6}});
  rows.reduction = "mean";
  rows.y = "tensor<?xf32, \"T\">";
  rows.store = "(i, k) -> (i)";
  rows.captured = "tensor<?xf32, \"T\">";
  rows.captured_map = "(i, k) -> (i)";
  check(rows, {{"T", 6}});
}

TEST_CASE("an inner axis: lanes are rows of their own") {
  // x [2, T, 35] along its middle axis
  const std::string x = "tensor<2x?x35xf32, \"2,T,35\">", y = "tensor<2x35xf32>";
  const std::string domain = R"(["i0:2", "i1:35", "k0:T"])";
  for (const char* reduction : reductions)
    check({reduction, domain, x, "(b, c, t) -> (b, t, c)", y, "(b, c, t) -> (b, c)", plain},
          {{"T", 23}});
  for (const char* reduction : {"softmax", "normalize"})
    check({reduction, domain, x, "(b, c, t) -> (b, t, c)", x, "(b, c, t) -> (b, t, c)", plain},
          {{"T", 23}});
}

TEST_CASE("several k digits: pooling windows with padding") {
  // max over 3 × 3 windows, stride 2, of [2, 9, 11, 20], channels last and channels first
  Rows rows{"max",
            R"(["i0:2", "i1:5", "i2:6", "i3:20", "k0:3", "k1:3"])",
            "tensor<2x9x11x20xf32>",
            "(b, y, x, c, i, j) -> (b, y * 2 + i - 1, x * 2 + j - 1, c)",
            "tensor<2x5x6x20xf32>",
            "(b, y, x, c, i, j) -> (b, y, x, c)",
            ", symbols = [], fill = [-3.0e38]"};
  check(rows);
  rows.x = "tensor<2x20x9x11xf32>";
  rows.map = "(b, y, x, c, i, j) -> (b, c, y * 2 + i - 1, x * 2 + j - 1)";
  rows.y = "tensor<2x20x5x6xf32>";
  rows.store = "(b, y, x, c, i, j) -> (b, c, y, x)";
  check(rows);
  rows.reduction = "mean";
  rows.attributes = ", symbols = [], fill = [0.0]";
  check(rows);
}

TEST_CASE("depthwise windows: neighbours together, at the borders and between them") {
  struct Line {
    int outputs, stride, dilation;
  };
  // one block that ends at both borders, blocks between two, some left over, taps further apart
  for (auto [outputs, stride, dilation] :
       {Line{7, 1, 1}, Line{24, 1, 1}, Line{11, 1, 1}, Line{13, 2, 1}, Line{16, 1, 2}}) {
    CAPTURE(outputs);
    CAPTURE(stride);
    const std::string x = std::to_string(outputs), s = std::to_string(stride),
                      d = std::to_string(dilation), size = std::to_string(outputs * stride);
    Rows rows{"sum",
              R"(["i0:2", "i1:3", "i2:)" + x + R"(", "i3:35", "k0:3", "k1:3"])",
              "tensor<2x3x" + size + "x35xf32>",
              "(b, y, x, c, i, j) -> (b, y + i - 1, x * " + s + " + j * " + d + " - " + d + ", c)",
              "tensor<2x3x" + x + "x35xf32>",
              "(b, y, x, c, i, j) -> (b, y, x, c)",
              ", symbols = [], fill = [0.0, unit]",
              R"(
    %r = heed.mul %p, %up : (f32, f32) -> f32
    heed.yield %r : f32)"};
    rows.captured = "tensor<9x35xf32>";
    rows.captured_map = "(b, y, x, c, i, j) -> (i * 3 + j, c)";
    check(rows);
    rows.attributes = ", symbols = [], fill = [0xFFF0000000000000 : f64]";
    rows.captured = rows.captured_map = rows.prologue = "";
    rows.reduction = "max";
    check(rows);
  }
  check({"mean", R"(["i0:2", "i1:3", "i2:9", "i3:20", "k0:3"])", "tensor<2x3x11x20xf32>",
         "(b, y, x, c, j) -> (b, y, x + j, c)", "tensor<2x3x9x20xf32>",
         "(b, y, x, c, j) -> (b, y, x, c)", plain});
}

TEST_CASE("a mean over all of an image, and rows in windows that are rolled") {
  check({"mean", R"(["i0:3", "i1:20", "k0:7", "k1:5"])", "tensor<3x20x7x5xf32>",
         "(b, c, y, x) -> (b, c, y, x)", "tensor<3x20xf32>", "(b, c, y, x) -> (b, c)", plain});
  check({"normalize", R"(["i0:2", "i1:3", "i2:4", "k0:24"])", "tensor<2x12x24xf32>",
         "(b, w, i, c) -> (b, (w * 4 + i + 2) mod 12, c)", "tensor<2x3x4x24xf32>",
         "(b, w, i, c) -> (b, w, i, c)", plain});
}

TEST_CASE("other dtypes") {
  for (const char* type : {"f16", "bf16", "i32", "i64", "i8"}) {
    CAPTURE(type);
    Rows rows = last_axis("sum", "29", false);
    auto replace = [&](std::string& text) {
      for (std::size_t at; (at = text.find("f32")) != text.npos;) text.replace(at, 3, type);
    };
    replace(rows.x);
    replace(rows.y);
    rows.type = type;
    check(rows, {{"T", 7}}, {}, 0.02);
    rows.reduction = "max";
    check(rows, {{"T", 7}}, {}, 0.02);
  }
}

TEST_CASE("one row, one element") {
  check(
      {"sum", R"(["k0:100"])", "tensor<100xf32>", "(k) -> (k)", "tensor<f32>", "(k) -> ()", plain});
  check({"softmax", R"(["i0:5"])", "tensor<5x1xf32>", "(i) -> (i, 0)", "tensor<5x1xf32>",
         "(i) -> (i, 0)", plain});
}
