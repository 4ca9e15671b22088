// Vector code of heed.attention against the reference target: lengths around tiles and key blocks,
// masks whose ranges skip and split blocks, score edits, weights as a second result, layouts that
// must be packed.
#include "heed/tests/compiler/kernel_comparison.h"

#include <doctest/doctest.h>

#include <regex>
#include <sstream>
#include <utility>

using namespace heed;
using namespace heed::test;

namespace {

std::string size(const std::string& dim) {
  return dim.find_first_not_of("0123456789") == dim.npos ? dim : "?";
}

// q [H, Q, E], k [H, K, E], v [H, K, D], bias [Q, K], given as dims; regions get %s and %u (the
// bias' element).
struct Case {
  std::string heads = "3", queries = "Q", keys = "K", features = "16", values = "16";
  std::string score = "    heed.yield %s : f32", mask = {};
  std::string stored = "f32";  // of q, k and v
  bool weights = false, turned = false;  // q, k and v are [length, head, feature]
};

std::string text_of(const Case& c) {
  auto tensor = [](const std::vector<std::string>& dims, const std::string& element = "f32") {
    std::string sizes, names;
    for (const std::string& d : dims) {
      sizes += size(d) + "x";
      names += (names.empty() ? "" : ",") + d;
    }
    return "tensor<" + sizes + element +
           (sizes.find('?') == sizes.npos ? "" : ", \"" + names + "\"") + ">";
  };
  auto heads = [&](const std::string& length, const std::string& width,
                   const std::string& element) {
    return tensor(
        c.turned ? std::vector{length, c.heads, width} : std::vector{c.heads, length, width},
        element);
  };
  auto map = [&](const char* length, const char* width) {
    const std::string l = length, w = width;
    return "affine_map<(b, i, j, e, d) -> (" + (c.turned ? l + ", b, " : "b, " + l + ", ") + w +
           ")>";
  };
  const std::string q = heads(c.queries, c.features, c.stored),
                    k = heads(c.keys, c.features, c.stored), v = heads(c.keys, c.values, c.stored),
                    bias = tensor({c.queries, c.keys}), y = heads(c.queries, c.values, "f32"),
                    w = tensor({c.heads, c.queries, c.keys});
  const std::string results = c.weights ? "(" + y + ", " + w + ")" : y;
  return "func.func @f(%q: " + q + ", %k: " + k + ", %v: " + v + ", %bias: " + bias + ") -> " +
         results + " {\n  " + (c.weights ? "%0, %1" : "%0") +
         " = heed.attention(%q, %k, %v, %bias) {domain = [\"b0:" + c.heads +
         "\", \"i0:" + c.queries + "\", \"j0:" + c.keys + "\", \"e0:" + c.features +
         "\", \"d0:" + c.values + "\"], symbols = [], scale = 2.5 : f64,\n      maps = [" +
         map("i", "e") + ", " + map("j", "e") + ", " + map("j", "d") +
         ", affine_map<(b, i, j, e, d) -> (i, j)>],\n      stores = [" + map("i", "d") +
         (c.weights ? ", affine_map<(b, i, j, e, d) -> (b, i, j)>" : "") +
         "]}\n  score {\n  ^bb0(%s: f32, %u: f32):\n" + c.score + "\n  } mask {\n" +
         (c.mask.empty() ? "" : "  ^bb0(%u: f32):\n" + c.mask + "\n") +
         "  } epilogue {\n  ^bb0(%x: f32, %u: f32):\n    %t = heed.add %x, %x : (f32, f32) -> "
         "f32\n    heed.yield %t : "
         "f32\n  } : (" +
         q + ", " + k + ", " + v + ", " + bias + ") -> " + results + "\n  return " +
         (c.weights ? "%0, %1" : "%0") + " : " + (c.weights ? y + ", " + w : y) + "\n}\n";
}

void check(const Case& c, const Symbols& symbols = {}) {
  const std::string text = text_of(c);
  CAPTURE(text);
  for (const std::string& target : vector_targets()) {
    CAPTURE(target);
    CHECK_EQ(compare_with_reference(text, target, symbols, 5e-6), "");
  }
}

// Of the functions that multiply.
int vectors_spilled(const std::string& text, const std::string& target) {
  static const std::regex label(R"re(^"?(\w[^:"]*)"?:)re"),
      spill(R"re(\sv?mov[au]ps\s+%[xyz]mm\d+, -?\d*\(%rsp\))re");
  std::istringstream lines(KernelRunner(text, target).assembly());
  int functions = 0, spills = 0;
  bool multiplies = false;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_search(line, match, label)) {
      const std::string name = match[1];
      multiplies = name.starts_with("scores") || name.starts_with("values");
      functions += multiplies;
    }
    spills += multiplies && std::regex_search(line, spill);
  }
  CHECK_EQ(functions, 2);
  return spills;
}

const char* index_pair = R"(
    %i = heed.coordinate affine_map<(b, i, j, e, d) -> (i)> : i64
    %j = heed.coordinate affine_map<(b, i, j, e, d) -> (j)> : i64)";

const std::string causal = index_pair + std::string(R"(
    %m = heed.le %j, %i : (i64, i64) -> i1
    heed.yield %m : i1)");

// i - 40 < j <= i - 3: some queries see nothing, later ones no early key.
const std::string window = index_pair + std::string(R"(
    %d = heed.sub %i, %j : (i64, i64) -> i64
    %low = heed.constant {value = 3.0 : f64} : () -> i64
    %high = heed.constant {value = 40.0 : f64} : () -> i64
    %a = heed.ge %d, %low : (i64, i64) -> i1
    %b = heed.lt %d, %high : (i64, i64) -> i1
    %m = heed.logical_and %a, %b : (i1, i1) -> i1
    heed.yield %m : i1)");

// Fewer keys for each head, none for the last.
const std::string by_head = R"(
    %j = heed.coordinate affine_map<(b, i, j, e, d) -> (j)> : i64
    %b = heed.coordinate affine_map<(b, i, j, e, d) -> (b)> : i64
    %less = heed.constant {value = 20.0 : f64} : () -> i64
    %most = heed.constant {value = 40.0 : f64} : () -> i64
    %p = heed.mul %b, %less : (i64, i64) -> i64
    %far = heed.add %j, %p : (i64, i64) -> i64
    %m = heed.lt %far, %most : (i64, i64) -> i1
    heed.yield %m : i1)";

// Whatever the bias says: no range is known.
const std::string by_value = R"(
    %zero = heed.constant {value = 0.0 : f64} : () -> f32
    %m = heed.gt %u, %zero : (f32, f32) -> i1
    heed.yield %m : i1)";

const std::string biased = R"(
    %t = heed.add %s, %u : (f32, f32) -> f32
    heed.yield %t : f32)";

const std::string capped = R"(
    %t = heed.tanh %s : (f32) -> f32
    heed.yield %t : f32)";

}  // namespace

TEST_CASE("one program, any length") {
  const std::pair<int, int> lengths[] = {{1, 1},  {1, 300}, {2, 33},  {5, 257},
                                         {13, 7}, {50, 64}, {97, 600}};
  for (auto [queries, keys] : lengths) check({}, {{"Q", queries}, {"K", keys}});
}

TEST_CASE("static lengths, few and many heads, features that fill no vector") {
  for (const char* length : {"1", "49", "197"}) {
    check({.queries = length, .keys = length});
    check({.heads = "14", .queries = length, .keys = length, .features = "9", .values = "21"});
  }
  check({.queries = "5", .keys = "530", .features = "64", .values = "40"});
  // vectors left behind whole panels, no more than half of the last one in some
  for (const char* keys : {"20", "33", "53", "69", "80", "300", "562"})
    check({.heads = "14", .queries = "13", .keys = keys});
}

TEST_CASE("so few keys that queries pass one by one") {
  check({.heads = "14", .queries = "29", .keys = "1", .features = "9", .values = "21"});
  check({.queries = "29", .keys = "2", .features = "40", .values = "40", .score = biased});
  check({.keys = "3", .features = "32", .mask = causal, .turned = true}, {{"Q", 250}});
  check({.queries = "5", .keys = "4", .values = "3", .score = capped, .mask = by_value});
  check({.queries = "1", .keys = "4", .features = "64", .mask = by_head, .stored = "f16"});
}

TEST_CASE("masks: skipped, split and fully dead rows") {
  for (const std::string& mask : {causal, window, by_head, by_value}) {
    check({.queries = "T", .keys = "T", .mask = mask}, {{"T", 70}});
    check({.queries = "T", .keys = "T", .mask = mask}, {{"T", 3}});
    check({.queries = "300", .keys = "300", .mask = mask});
  }
}

TEST_CASE("score edits, alone and beside a mask") {
  for (const std::string& score : {biased, capped}) {
    check({.score = score}, {{"Q", 11}, {"K", 37}});
    check({.queries = "49", .keys = "49", .score = score, .mask = causal});
  }
}

TEST_CASE("weights are a result of the fused kernel") {
  check({.weights = true}, {{"Q", 9}, {"K", 41}});
  check({.queries = "40", .keys = "40", .score = biased, .mask = window, .weights = true});
  check({.queries = "7", .keys = "600", .mask = by_value, .weights = true});
  // One query reads keys and values where they lie.
  check({.queries = "1",
         .keys = "600",
         .features = "64",
         .values = "32",
         .mask = by_value,
         .weights = true});
  check({.queries = "1", .keys = "K", .features = "64", .score = biased}, {{"K", 41}});
  check({.queries = "1", .keys = "K", .features = "9", .values = "21", .turned = true},
        {{"K", 300}});
}

TEST_CASE("heads inside the rows, as a projection writes them") {
  check({.queries = "50", .keys = "50", .turned = true});
  check({.turned = true}, {{"Q", 20}, {"K", 65}});
}

// The reference target reads the same rounded numbers and computes with them in f64.
TEST_CASE("operands stored in halves, sums in f32") {
  for (const char* stored : {"f16", "bf16"}) {
    check({.queries = "49", .keys = "49", .score = biased, .mask = causal, .stored = stored});
    check({.features = "9", .values = "21", .stored = stored, .weights = true},
          {{"Q", 11}, {"K", 90}});
    check({.queries = "1",
           .keys = "K",
           .features = "64",
           .values = "32",
           .stored = stored,
           .turned = true},
          {{"K", 130}});
  }
}

// A tile takes nearly all of them: what moves its loads forward spills its sums in every turn.
TEST_CASE("sums of tiles stay in registers") {
  for (const Case& c :
       {Case{.queries = "232", .keys = "89", .features = "48", .values = "48"},
        Case{.heads = "14", .queries = "200", .keys = "262", .features = "80", .values = "80"},
        Case{.heads = "14", .queries = "96", .keys = "61", .features = "96", .values = "96"},
        Case{.queries = "24", .keys = "49", .features = "32", .values = "32"}})
    for (const std::string& target : vector_targets()) {
      if (target.starts_with("vulkan")) continue;
      CAPTURE(target);
      CAPTURE(c.keys);
      // without fma a few are in and out where a loop begins and ends
      CHECK_LE(vectors_spilled(text_of(c), target), target == "x86-64" ? 4 : 0);
    }
}
