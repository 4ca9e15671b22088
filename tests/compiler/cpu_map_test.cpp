// Vector code of heed.map against the reference target.
#include "heed/tests/compiler/kernel_comparison.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace heed;
using namespace heed::test;

namespace {

constexpr double tolerance = 1e-6;

struct Operand {
  std::string type, map;  // "tensor<4xf32>", "(i) -> (i)"
};

// One heed.map: its operands become the function's arguments. `body` names them %u0, %u1, … and
// yields; attributes come before the maps.
std::string map_text(const std::string& attributes, const std::vector<Operand>& ins,
                     const std::vector<Operand>& outs, const std::string& body) {
  std::string arguments, names, in_types, out_types, maps, stores, block, results, returned;
  auto comma = [](std::string& text, const std::string& more) {
    text += (text.empty() ? "" : ", ") + more;
  };
  auto element = [](const std::string& type) {
    std::string shape = type.substr(7, type.find_first_of(",>") - 7);
    return shape.substr(shape.rfind('x') == shape.npos ? 0 : shape.rfind('x') + 1);
  };
  for (std::size_t n = 0; n < ins.size(); ++n) {
    const std::string number = std::to_string(n);
    comma(arguments, "%x" + number + ": " + ins[n].type);
    comma(names, "%x" + number);
    comma(in_types, ins[n].type);
    comma(maps, "affine_map<" + ins[n].map + ">");
    comma(block, "%u" + number + ": " + element(ins[n].type));
  }
  for (std::size_t n = 0; n < outs.size(); ++n) {
    comma(out_types, outs[n].type);
    comma(stores, "affine_map<" + outs[n].map + ">");
    comma(returned, "%y#" + std::to_string(n));
  }
  return "func.func @f(" + arguments + ") -> (" + out_types +
         ") {\n  %y:" + std::to_string(outs.size()) + " = heed.map(" + names + ") {" + attributes +
         ", maps = [" + maps + "], stores = [" + stores + "]} body {\n  ^bb0(" + block + "):\n" +
         body + "\n  } : (" + in_types + ") -> (" + out_types + ")\n  return " + returned + " : " +
         out_types + "\n}\n";
}

void check(const std::string& text, const Symbols& symbols = {},
           const std::vector<Array>& inputs = {}, double within = tolerance) {
  CAPTURE(text);
  for (const std::string& target : vector_targets())
    CHECK_EQ(compare_with_reference(text, target, symbols, within, inputs), "");
}

const std::string copy = "heed.yield %u0 : f32";

}  // namespace

TEST_CASE("elementwise with broadcasts, symbolic and odd sizes") {
  const std::string text =
      map_text(R"(domain = ["i0:B", "i1:5", "i2:37"], symbols = [])",
               {{"tensor<?x5x37xf32, \"B,5,37\">", "(b, i, j) -> (b, i, j)"},
                {"tensor<37xf32>", "(b, i, j) -> (j)"},
                {"tensor<?x5xf32, \"B,5\">", "(b, i, j) -> (b, i)"},
                {"tensor<f32>", "(b, i, j) -> ()"}},
               {{"tensor<?x5x37xf32, \"B,5,37\">", "(b, i, j) -> (b, i, j)"}}, R"(
    %a = heed.add %u0, %u1 : (f32, f32) -> f32
    %m = heed.mul %a, %u2 : (f32, f32) -> f32
    %g = heed.gelu %m : (f32) -> f32
    %s = heed.sub %g, %u3 : (f32, f32) -> f32
    heed.yield %s : f32)");
  for (std::int64_t batch : {1, 3}) check(text, {{"B", batch}});
}

// Reference and vector code know the answers in different words; these are a third.
TEST_CASE("quotients of integers round down, and none traps") {
  const std::vector<double> lowest{-2147483648.0}, xs{7, -7, 7, -7, -8, 0, 5, -5, 0, 1, -1, -128},
      ys{2, 2, -2, -2, 2, -3, 0, 0, 0, -1, 1, -1};
  for (const std::string type : {"i32", "i64", "i8"}) {
    std::vector<double> x = xs, y = ys;
    if (type != "i8") x.back() = lowest[0];
    std::vector<double> expected{3, -4, -4, 3, -4, 0, 0, 0, 0, -1, -1, x.back()}, by_three, by_four;
    for (double& value : x) {
      by_three.push_back(std::floor(value / 3));
      by_four.push_back(std::floor(value / 4));
    }
    const DType dtype = type == "i8" ? DType::i8 : type == "i32" ? DType::i32 : DType::i64;
    const std::string tensor = "tensor<12x" + type + ">", two = "(" + type + ", " + type + ") -> ";
    const std::string text = map_text(R"(domain = ["i0:12"], symbols = [])",
                                      {{tensor, "(i) -> (i)"}, {tensor, "(i) -> (i)"}},
                                      {{tensor, "(i) -> (i)"},
                                       {tensor, "(i) -> (i)"},
                                       {tensor, "(i) -> (i)"}},
                                      R"(
    %three = heed.constant {value = 3.0 : f64} : () -> )" + type + R"(
    %four = heed.constant {value = 4.0 : f64} : () -> )" + type + R"(
    %q = heed.div %u0, %u1 : )" + two + type + R"(
    %t = heed.div %u0, %three : )" + two + type + R"(
    %f = heed.div %u0, %four : )" + two + type + R"(
    heed.yield %q, %t, %f : )" + type + ", " + type + ", " + type);
    CAPTURE(type);
    const std::vector<Array> inputs{Array(dtype, x), Array(dtype, y)};
    for (const std::string& target : vector_targets()) {
      const std::vector<Array> found = outcome_of(text, target, {}, inputs).results;
      CHECK_EQ(found[0].numbers(), expected);
      CHECK_EQ(found[1].numbers(), by_three);
      CHECK_EQ(found[2].numbers(), by_four);
    }
    // i64 in all of its bits is the reference's alone
    const std::vector<Array> found = outcome_of(text, "reference", {}, inputs).results;
    if (type == "i64") expected.back() = -lowest[0];
    CHECK_EQ(found[0].numbers(), expected);
    CHECK_EQ(found[1].numbers(), by_three);
    CHECK_EQ(found[2].numbers(), by_four);
  }
}

TEST_CASE("merged digits: one long run") {
  check(map_text(R"(domain = ["i0:B", "i1:T", "i2:7"], symbols = [])",
                 {{"tensor<?x?x7xf32, \"B,T,7\">", "(b, t, j) -> (b, t, j)"}},
                 {{"tensor<?x?x7xf32, \"B,T,7\">", "(b, t, j) -> (b, t, j)"}}, R"(
    %e = heed.exp %u0 : (f32) -> f32
    heed.yield %e : f32)"),
        {{"B", 3}, {"T", 101}});
}

TEST_CASE("transposes") {
  const std::string in = "tensor<19x?x33xf32, \"19,T,33\">";
  const std::string domain = R"(domain = ["i0:19", "i1:T", "i2:33"], symbols = [])";
  check(map_text(domain, {{in, "(a, b, c) -> (a, b, c)"}},
                 {{"tensor<33x?x19xf32, \"33,T,19\">", "(a, b, c) -> (c, b, a)"}}, copy),
        {{"T", 5}});
  check(map_text(domain, {{in, "(a, b, c) -> (a, b, c)"}},
                 {{"tensor<?x19x33xf32, \"T,19,33\">", "(a, b, c) -> (b, a, c)"}}, copy),
        {{"T", 5}});
  check(map_text(domain, {{in, "(a, b, c) -> (a, b, c)"}, {in, "(a, b, c) -> (a, b, c)"}},
                 {{"tensor<19x33x?xf32, \"19,33,T\">", "(a, b, c) -> (a, c, b)"}}, R"(
    %s = heed.add %u0, %u1 : (f32, f32) -> f32
    heed.yield %s : f32)"),
        {{"T", 40}});
}

TEST_CASE("rolled windows") {
  // Swin's partition of 8 × 8 positions into windows of 4 × 4, shifted by 2, and its reverse.
  const std::string image = "tensor<?x64x24xf32, \"B,64,24\">",
                    windows = "tensor<?x4x16x24xf32, \"B,4,16,24\">";
  const std::string domain =
      R"(domain = ["i0:B", "i1:2", "i2:2", "i3:4", "i4:4", "i5:24"], symbols = [])";
  const std::string rolled =
      "(b, y, x, i, j, c) -> (b, ((y * 4 + i + 2) mod 8) * 8 + (x * 4 + j + 2) mod 8, c)";
  const std::string straight = "(b, y, x, i, j, c) -> (b, y * 2 + x, i * 4 + j, c)";
  check(map_text(domain, {{image, rolled}}, {{windows, straight}}, copy), {{"B", 2}});
  check(map_text(domain, {{windows, straight}}, {{image, rolled}}, copy), {{"B", 2}});
}

TEST_CASE("a roll along the lanes, static and symbolic") {
  for (const char* shift : {"3", "20", "-5", "-47"})
    check(map_text(R"(domain = ["i0:3", "i1:T"], symbols = ["T"])",
                   {{"tensor<3x?xf32, \"3,T\">",
                     std::string("(i, j)[t] -> (i, (j + ") + shift + ") mod t)"}},
                   {{"tensor<3x?xf32, \"3,T\">", "(i, j)[t] -> (i, j)"}}, copy),
          {{"T", 21}});
  check(map_text(R"(domain = ["i0:40"], symbols = [])",
                 {{"tensor<40xf32>", "(i) -> ((i + 7) mod 40)"}},
                 {{"tensor<40xf32>", "(i) -> (i)"}}, copy));
}

TEST_CASE("padding") {
  // A border around [5, 18], and a window that moves by two
  check(map_text(R"(domain = ["i0:7", "i1:21"], symbols = [], fill = [-2.5])",
                 {{"tensor<5x18xf32>", "(i, j) -> (i - 1, j - 2)"}},
                 {{"tensor<7x21xf32>", "(i, j) -> (i, j)"}}, copy));
  check(map_text(R"(domain = ["i0:T", "i1:3", "i2:3"], symbols = [], fill = [0.0, none])",
                 {{"tensor<?xf32, \"2*T\">", "(i, k, c) -> (i * 2 + k - 1)"},
                  {"tensor<3xf32>", "(i, k, c) -> (c)"}},
                 {{"tensor<?x3x3xf32, \"T,3,3\">", "(i, k, c) -> (i, k, c)"}}, R"(
    %s = heed.mul %u0, %u1 : (f32, f32) -> f32
    heed.yield %s : f32)"),
        {{"T", 37}});
}

TEST_CASE("slices and strides") {
  check(map_text(R"(domain = ["i0:6", "i1:17"], symbols = [])",
                 {{"tensor<20x40xf32>", "(i, j) -> (i * 3 + 2, j * 2 + 5)"}},
                 {{"tensor<8x20xf32>", "(i, j) -> (i + 1, j + 3)"}}, copy));
}

TEST_CASE("every dtype, both ways") {
  for (const char* dtype : {"f32", "f16", "bf16", "i8", "i32", "i64"}) {
    const std::string type = dtype;
    CAPTURE(type);
    check(map_text(R"(domain = ["i0:3", "i1:29"], symbols = [])",
                   {{"tensor<3x29x" + type + ">", "(i, j) -> (i, j)"},
                    {"tensor<29x" + type + ">", "(i, j) -> (j)"},
                    {"tensor<29x3xi1>", "(i, j) -> (j, i)"}},
                   {{"tensor<3x29x" + type + ">", "(i, j) -> (i, j)"},
                    {"tensor<3x29xi1>", "(i, j) -> (i, j)"},
                    {"tensor<3x29xf32>", "(i, j) -> (i, j)"}},
                   "    %s = heed.add %u0, %u1 : (" + type + ", " + type + ") -> " + type +
                       "\n    %w = heed.where %u2, %s, %u0 : (i1, " + type + ", " + type + ") -> " +
                       type + "\n    %c = heed.lt %u0, %u1 : (" + type + ", " + type +
                       ") -> i1\n    %f = heed.cast %w : (" + type +
                       ") -> f32\n    heed.yield %w, %c, %f : " + type + ", i1, f32"),
          {}, {}, type == "bf16" ? 0.01 : 1e-3);
  }
}

TEST_CASE("positions and extents") {
  // A causal mask, and positions as numbers
  check(map_text(R"(domain = ["i0:T", "i1:T"], symbols = ["T"])", {},
                 {{"tensor<?x?xi1, \"T,T\">", "(i, j)[t] -> (i, j)"},
                  {"tensor<?x?xf32, \"T,T\">", "(i, j)[t] -> (i, j)"},
                  {"tensor<?x?xi64, \"T,T\">", "(i, j)[t] -> (i, j)"}},
                 R"(
    %i = heed.coordinate affine_map<(i, j)[t] -> (i)> : i64
    %j = heed.coordinate affine_map<(i, j)[t] -> ((j - 47) mod t)> : i64
    %t = heed.extent {dim = "T"} : () -> i64
    %c = heed.le %j, %i : (i64, i64) -> i1
    %p = heed.mul %i, %t : (i64, i64) -> i64
    %s = heed.add %p, %j : (i64, i64) -> i64
    %f = heed.cast %s : (i64) -> f32
    heed.yield %c, %f, %s : i1, f32, i64)"),
        {{"T", 19}});
}

namespace {

// table [9, 21] at [T] indices, plus a position
const std::string embedding = map_text(R"(domain = ["i0:T", "i1:21"], symbols = [], gather)",
                                       {{"tensor<9x21xf32>", "(t, c) -> (0, c)"},
                                        {"tensor<?xi64, \"T\">", "(t, c) -> (t)"},
                                        {"tensor<?x21xf32, \"T,21\">", "(t, c) -> (t, c)"}},
                                       {{"tensor<?x21xf32, \"T,21\">", "(t, c) -> (t, c)"}}, R"(
    %s = heed.add %u0, %u2 : (f32, f32) -> f32
    heed.yield %s : f32)");

// A bias table [7, 3] read along its heads: [3, T]
const std::string biases =
    map_text(R"(domain = ["i0:3", "i1:T"], symbols = [], gather)",
             {{"tensor<7x3xf32>", "(h, t) -> (0, h)"}, {"tensor<?xi32, \"T\">", "(h, t) -> (t)"}},
             {{"tensor<3x?xf32, \"3,T\">", "(h, t) -> (h, t)"}}, copy);

Array indices(DType dtype, int count, int below) {
  std::vector<double> numbers;
  for (int n = 0; n < count; ++n) numbers.push_back(n * 5 % below);
  return Array(dtype, numbers);
}

}  // namespace

TEST_CASE("gathers: rows, and single elements along the lanes") {
  KernelRunner rows(embedding, "reference"), elements(biases, "reference");
  const Symbols symbols{{"T", 35}};
  auto inputs = rows.inputs(symbols);
  inputs[1] = indices(DType::i64, 35, 9);
  check(embedding, symbols, inputs);
  inputs = elements.inputs(symbols);
  inputs[1] = indices(DType::i32, 35, 7);
  check(biases, symbols, inputs);
}

TEST_CASE("an index out of range is the run's status") {
  const Symbols symbols{{"T", 35}};
  for (const std::string& target : vector_targets())
    for (double wrong : {-1.0, 9.0, 4294967296.0}) {
      auto inputs = KernelRunner(embedding, "reference").inputs(symbols);
      std::vector<double> at = indices(DType::i64, 35, 9).numbers();
      at[33] = wrong;
      inputs[1] = Array(DType::i64, at);
      CHECK_EQ(outcome_of(embedding, target, symbols, inputs).status, 1);
    }
  for (const std::string& target : vector_targets())
    for (double wrong : {-1.0, 7.0}) {
      auto inputs = KernelRunner(biases, "reference").inputs(symbols);
      std::vector<double> at = indices(DType::i32, 35, 7).numbers();
      at[34] = wrong;
      inputs[1] = Array(DType::i32, at);
      CHECK_EQ(outcome_of(biases, target, symbols, inputs).status, 1);
    }
}

TEST_CASE("a single element, and a long odd run") {
  check(map_text(R"(domain = ["i0:1"], symbols = [])", {{"tensor<1xf32>", "(i) -> (i)"}},
                 {{"tensor<1xf32>", "(i) -> (i)"}}, copy));
  check(map_text(R"(domain = [], symbols = [])", {{"tensor<f32>", "() -> ()"}},
                 {{"tensor<f32>", "() -> ()"}}, copy));
  check(map_text(R"(domain = ["i0:10007"], symbols = [])", {{"tensor<10007xf32>", "(i) -> (i)"}},
                 {{"tensor<10007xf32>", "(i) -> (i)"}}, R"(
    %e = heed.sigmoid %u0 : (f32) -> f32
    heed.yield %e : f32)"));
}
