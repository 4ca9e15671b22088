// Vector code of heed.contract and heed.pack against the reference target: tiles of every height,
// partial panels, k in blocks, batches, operands that must be packed first.
#include "heed/compiler/target.h"
#include "heed/tests/compiler/kernel_comparison.h"

#include <doctest/doctest.h>

using namespace heed;
using namespace heed::test;

namespace {

std::string tensor(const std::string& dims) {
  std::string sizes, rest = dims;
  bool symbolic = false;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const std::string dim = rest.substr(0, comma);
    const bool number = dim.find_first_not_of("0123456789") == dim.npos;
    symbolic |= !number;
    sizes += (number ? dim : "?") + "x";
    rest = comma == rest.npos ? "" : rest.substr(comma + 1);
  }
  return "tensor<" + sizes + "f32" + (symbolic ? ", \"" + dims + "\"" : "") + ">";
}

// y [M, N] = gelu(x [M, K] · w [N, K]ᵀ + bias [N]), the weights in panels of `width` columns; 0: as
// they are.
std::string linear(const std::string& m, int n, const std::string& k, int width) {
  const std::string columns = std::to_string(n), x = tensor(m + "," + k),
                    w = tensor(columns + "," + k), bias = tensor(columns),
                    y = tensor(m + "," + columns), by = std::to_string(width);
  const std::string panels = width ? std::to_string((n + width - 1) / width) : "";
  const std::string b = width ? tensor("1," + panels + "," + k + "," + by) : w;
  const std::string place = "(0, n floordiv " + by + ", k, n mod " + by + ")";
  const std::string pack =
      "  %p = heed.pack(%w) {domain = [\"n0:" + columns + "\", \"k0:" + k +
      "\"], symbols = [], width = " + by +
      " : i64, maps = [affine_map<(n, k) -> (n, k)>],\n      stores = [affine_map<(n, k) -> " +
      place + ">]} : (" + w + ") -> " + b + "\n";
  return "func.func @f(%x: " + x + ", %w: " + w + ", %c: " + bias + ") -> " + y + " {\n" +
         (width ? pack : "") + "  %0 = heed.contract(%x, " + (width ? "%p" : "%w") +
         ", %c) {domain = [\"m0:" + m + "\", \"n0:" + columns + "\", \"k0:" + k +
         "\"], symbols = []" + (width ? ", packed = " + by + " : i64" : "") +
         ",\n      maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> " +
         (width ? place : "(n, k)") +
         R"(>, affine_map<(m, n, k) -> (n)>], stores = [affine_map<(m, n, k) -> (m, n)>]}
  prologue {
  ^bb0(%a: f32, %u: f32):
    heed.yield %a : f32
  } epilogue {
  ^bb0(%s: f32, %u: f32):
    %t = heed.add %s, %u : (f32, f32) -> f32
    %g = heed.gelu %t : (f32) -> f32
    heed.yield %g : f32
  } : ()" +
         x + ", " + b + ", " + bias + ") -> " + y + "\n  return %0 : " + y + "\n}\n";
}

int width_on(const std::string& name) {
  const Target target = target_by_name(name);
  return target.vulkan ? 0 : 2 * target.lanes;
}

// y [B, M, N] = (2 a) · b, for a [B, M, K] where `a_map` reads it, b [B, K, N].
std::string batched(const std::string& m, const std::string& n, const std::string& k,
                    const std::string& a_dims, const std::string& a_map) {
  const std::string a = tensor(a_dims), b = tensor("B," + k + "," + n),
                    y = tensor("B," + m + "," + n);
  return "func.func @f(%a: " + a + ", %b: " + b + ") -> " + y + R"( {
  %0 = heed.contract(%a, %b) {domain = ["b0:B", "m0:)" +
         m + "\", \"n0:" + n + "\", \"k0:" + k + R"("], symbols = [],
      maps = [affine_map<(b, m, n, k) -> )" +
         a_map + R"(>, affine_map<(b, m, n, k) -> (b, k, n)>],
      stores = [affine_map<(b, m, n, k) -> (b, m, n)>]}
  prologue {
  ^bb0(%x: f32):
    %t = heed.add %x, %x : (f32, f32) -> f32
    heed.yield %t : f32
  } epilogue {
  ^bb0(%s: f32):
    heed.yield %s : f32
  } : ()" +
         a + ", " + b + ") -> " + y + "\n  return %0 : " + y + "\n}\n";
}

// y [M, N] = max(s0 + c, s1) and z [M, N] = s0 - s_last of the parts s_p = x [M, K] · w_p [K, N],
// the weights [parts · N, K] in panels of `width` columns; 0: as they are.
std::string combined(const std::string& m, int parts, int n, const std::string& k, int width) {
  const std::string columns = std::to_string(n), count = std::to_string(parts),
                    x = tensor(m + "," + k), w = tensor(std::to_string(parts * n) + "," + k),
                    c = tensor(columns), y = tensor(m + "," + columns),
                    by = std::to_string(width), last = std::to_string(parts - 1);
  const std::string panels = width ? std::to_string((n + width - 1) / width * parts) : "";
  const std::string b = width ? tensor("1," + panels + "," + k + "," + by) : w;
  const std::string place =
      "(0, (n floordiv " + by + ") * " + count + " + p, k, n mod " + by + ")",
      own = "(p * " + columns + " + n, k)";
  const std::string pack = "  %p = heed.pack(%w) {domain = [\"p:" + count + "\", \"n:" + columns +
                           "\", \"k:" + k + "\"], symbols = [], width = " + by +
                           " : i64, maps = [affine_map<(p, n, k) -> " + own +
                           ">],\n      stores = [affine_map<(p, n, k) -> " + place + ">]} : (" + w +
                           ") -> " + b + "\n";
  std::string scalars;
  for (int p = 0; p < parts; ++p) scalars += "%s" + std::to_string(p) + ": f32, ";
  return "func.func @f(%x: " + x + ", %w: " + w + ", %c: " + c + ") -> (" + y + ", " + y + ") {\n" +
         (width ? pack : "") + "  %0, %1 = heed.contract(%x, " + (width ? "%p" : "%w") +
         ", %c) {domain = [\"p:" + count + "\", \"m:" + m + "\", \"n:" + columns + "\", \"k:" + k +
         "\"], symbols = []" + (width ? ", packed = " + by + " : i64" : "") +
         ",\n      maps = [affine_map<(p, m, n, k) -> (m, k)>, affine_map<(p, m, n, k) -> " +
         (width ? place : own) + R"(>, affine_map<(p, m, n, k) -> (n)>],
      stores = [affine_map<(p, m, n, k) -> (m, n)>, affine_map<(p, m, n, k) -> (m, n)>]}
  prologue {
  ^bb0(%a: f32, %u: f32):
    heed.yield %a : f32
  } epilogue {
  ^bb0()" + scalars +
         R"(%u: f32):
    %a = heed.add %s0, %u : (f32, f32) -> f32
    %g = heed.maximum %a, %s1 : (f32, f32) -> f32
    %d = heed.sub %s0, %s)" +
         last + R"( : (f32, f32) -> f32
    heed.yield %g, %d : f32, f32
  } : ()" +
         x + ", " + b + ", " + c + ") -> (" + y + ", " + y + ")\n  return %0, %1 : " + y + ", " +
         y + "\n}\n";
}

// The rounding of a sum follows the size of its terms, which is half the depth, not that of its
// result.
void check(const std::string& text, const std::string& target, const Symbols& symbols,
           double tolerance = 5e-6) {
  CAPTURE(text);
  CHECK_EQ(compare_with_reference(text, target, symbols, tolerance), "");
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

}  // namespace

TEST_CASE("operands stored in f16, sums in f32") {
  std::string text = linear("37", 24, "40", 0);
  for (const char* sizes : {"<37x40x", "<24x40x"})
    text = replaced(text, sizes + std::string("f32"), sizes + std::string("f16"));
  text = replaced(text, "%a: f32, %u: f32):\n    heed.yield %a : f32",
                  "%a: f16, %u: f32):\n    heed.yield %a : f16");
  REQUIRE(text.find("%a: f16") != text.npos);
  for (const std::string& target : vector_targets()) check(text, target, {});
}

TEST_CASE("linear: any number of rows through one kernel") {
  for (const std::string& target : vector_targets()) {
    const int width = width_on(target);
    for (int rows : {1, 2, 3, 5, 6, 7, 11, 13, 48, 97, 200})
      check(linear("M", 40, "37", width), target, {{"M", rows}});
  }
}

TEST_CASE("linear: static rows, whole and partial panels") {
  for (const std::string& target : vector_targets())
    for (const char* rows : {"1", "2", "13", "197"})
      for (int columns : {8, 33, 96})
        check(linear(rows, columns, "50", width_on(target)), target, {});
}

TEST_CASE("linear: row blocks pass one by one where all panels stay in cache") {
  for (const std::string& target : vector_targets()) {
    check(linear("701", 100, "64", width_on(target)), target, {});
    check(linear("M", 100, "64", width_on(target)), target, {{"M", 500}});
  }
}

TEST_CASE("linear: k in blocks, with sums that wait for more panels than one group") {
  for (const std::string& target : vector_targets()) {
    const int width = width_on(target);
    for (const char* rows : {"1", "2", "70"})
      check(linear(rows, 100, "1601", width), target, {}, 1e-4);
    check(linear("M", 64, "1550", width), target, {{"M", 19}}, 1e-4);
    check(linear("19", 2100, "800", width), target, {}, 1e-4);
  }
}

TEST_CASE("batched products of a roll by more than its axis, and rolled themselves") {
  for (const std::string& target : vector_targets())
    for (const std::string shift : {"- 7", "+ 7"}) {
      const std::string place = "((b " + shift + ") mod s, m, ";
      std::string text = batched("9", "21", "30", "B,9,30", place + "k)");
      text = replaced(text, "(b, m, n)>]", place + "n)>]");
      text = replaced(text, "(b, m, n, k) ->", "(b, m, n, k)[s] ->");
      text = replaced(text, "symbols = []", "symbols = [\"B\"]");
      check(text, target, {{"B", 3}});
    }
}

TEST_CASE("batched products: a packed by its map and prologue, b by the kernel") {
  for (const std::string& target : vector_targets()) {
    check(batched("9", "21", "30", "B,9,30", "(b, m, k)"), target, {{"B", 3}});
    check(batched("9", "21", "30", "B,30,9", "(b, k, m)"), target, {{"B", 3}});
    check(batched("M", "N", "K", "B,M,K", "(b, m, k)"), target,
          {{"B", 2}, {"M", 17}, {"N", 29}, {"K", 13}});
    check(batched("M", "24", "K", "M,B,K", "(m, b, k)"), target, {{"B", 2}, {"M", 8}, {"K", 1700}},
          1e-4);
  }
}

TEST_CASE("parts of a product meet in one epilogue, which has two results") {
  for (const std::string& target : vector_targets()) {
    if (!target_by_name(target).parts) continue;
    const int width = width_on(target);
    for (int rows : {1, 2, 13}) check(combined("M", 3, 40, "37", width), target, {{"M", rows}});
    check(combined("1", 2, 2 * width, "1601", width), target, {}, 1e-4);
    check(combined("13", 4, 33, "800", width), target, {}, 1e-4);
    check(combined("9", 3, 33, "37", 0), target, {});
  }
}
