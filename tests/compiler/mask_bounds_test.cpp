// Bounds that the classifier finds in a mask, against the mask evaluated at every query and key: no
// bound may lose a key that is seen, and where the mask is said to be nothing but its bounds they
// may let no other through.
#include <doctest/doctest.h>

#include <functional>
#include <random>

#include "heed/compiler/jit/context.h"
#include "heed/compiler/lower/tile/masks.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

using namespace heed;

namespace {

// element: the one of the captured tensor
constexpr std::int64_t queries = 23, keys = 19, element = 7;

// A region's text and what it computes.
struct Mask {
  std::string name;
  std::function<bool(std::int64_t i, std::int64_t j)> seen;
};
struct Number {
  std::string name;
  std::function<std::int64_t(std::int64_t i, std::int64_t j)> value;
};

class Writer {
 public:
  explicit Writer(unsigned seed) : random_(seed) {}
  std::string text = R"(
    %i = heed.coordinate affine_map<(b, i, j, e, d) -> (i)> : i64
    %j = heed.coordinate affine_map<(b, i, j, e, d) -> (j)> : i64
)";

  Mask mask(int depth) {
    const int kind = depth ? pick(4) : 3;
    if (kind == 3) return comparison();
    const Mask a = mask(depth - 1);
    if (kind == 2)
      return {line("logical_not", a.name, "", "(i1) -> i1"),
              [a](std::int64_t i, std::int64_t j) { return !a.seen(i, j); }};
    const Mask b = mask(depth - 1);
    const bool both = kind == 0;
    return {line(both ? "logical_and" : "logical_or", a.name, b.name, "(i1, i1) -> i1"),
            [=](std::int64_t i, std::int64_t j) {
              return both ? a.seen(i, j) && b.seen(i, j) : a.seen(i, j) || b.seen(i, j);
            }};
  }

 private:
  std::mt19937 random_;
  int count_ = 0;

  int pick(int n) { return int(random_() % unsigned(n)); }
  std::string line(const std::string& op, const std::string& x, const std::string& y,
                   const std::string& type) {
    const std::string name = "%v" + std::to_string(count_++);
    text += "    " + name + " = heed." + op + " " + x + (y.empty() ? "" : ", " + y) + " : " + type +
            "\n";
    return name;
  }

  Number number() {
    const std::int64_t n = pick(41) - 20;
    switch (pick(4)) {
      case 0: return {"%i", [](std::int64_t i, std::int64_t) { return i; }};
      case 1: return {"%u", [](std::int64_t, std::int64_t) { return element; }};
      default: return {constant(n), [n](std::int64_t, std::int64_t) { return n; }};
    }
  }
  std::string constant(std::int64_t n) {
    return line("constant {value = " + std::to_string(n) + ".0 : f64}", "", "", "() -> i64");
  }
  // j, -j, or either with numbers added, or no j at all.
  Number side(bool with_key) {
    Number sum = with_key ? Number{"%j", [](std::int64_t, std::int64_t j) { return j; }} : number();
    if (pick(3) == 0)
      sum = {line("neg", sum.name, "", "(i64) -> i64"),
             [sum](std::int64_t i, std::int64_t j) { return -sum.value(i, j); }};
    for (int more = pick(3); more > 0; --more) {
      const Number other = number();
      const bool add = pick(2);
      sum = {line(add ? "add" : "sub", sum.name, other.name, "(i64, i64) -> i64"),
             [=](std::int64_t i, std::int64_t j) {
               return sum.value(i, j) + (add ? 1 : -1) * other.value(i, j);
             }};
    }
    return sum;
  }
  Mask comparison() {
    static constexpr const char* names[] = {"lt", "le", "gt", "ge", "eq", "ne"};
    const int key_side = pick(5);  // of both, none or one side
    const Number x = side(key_side < 3), y = side(key_side == 0 || key_side == 3);
    const int which = pick(6);
    return {line(names[which], x.name, y.name, "(i64, i64) -> i1"),
            [=](std::int64_t i, std::int64_t j) {
              const std::int64_t a = x.value(i, j), b = y.value(i, j);
              switch (which) {
                case 0:
                  return a < b;
                case 1:
                  return a <= b;
                case 2:
                  return a > b;
                case 3:
                  return a >= b;
                case 4:
                  return a == b;
                default:
                  return a != b;
              }
            }};
  }
};

std::string attention(const std::string& region) {
  const std::string q = "tensor<1x23x16xf32>", k = "tensor<1x19x16xf32>", u = "tensor<1xi64>";
  const std::string map = "affine_map<(b, i, j, e, d) -> (b, ";
  return "func.func @f(%q: " + q + ", %k: " + k + ", %v: " + k + ", %n: " + u + ") -> " + q +
         " {\n  %0 = heed.attention(%q, %k, %v, %n) {domain = [\"b0:1\", \"i0:23\", \"j0:19\", "
         "\"e0:16\", \"d0:16\"], symbols "
         "= [], scale = 1.0 : f64,\n    maps = [" +
         map + "i, e)>, " + map + "j, e)>, " + map +
         "j, d)>, affine_map<(b, i, j, e, d) -> (b)>], stores = [" + map +
         "i, d)>]}\n  score {\n  ^bb0(%s: f32, %u: i64):\n    heed.yield %s : f32\n  } mask {\n  "
         "^bb0(%u: i64):" +
         region + "  } epilogue {\n  ^bb0(%x: f32, %u: i64):\n    heed.yield %x : f32\n  } : (" +
         q + ", " + k + ", " + k + ", " + u + ") -> " + q + "\n  return %0 : " + q + "\n}\n";
}

std::int64_t value_of(const tile::IntegerSum& sum) {
  std::int64_t value = sum.constant.constant;
  for (auto [operand, factor] : sum.elements) value += factor * element;
  return value;
}

bool passes(const tile::KeyBound& bound, std::int64_t i, std::int64_t j) {
  for (const tile::KeyLimit& limit : bound.limits)
    if ((bound.below ? j : -j) + limit.perQuery * i + value_of(limit.rest) >= 0) return true;
  return false;
}

}  // namespace

TEST_CASE("bounds of random masks") {
  auto context = jit::newContext();
  int complete = 0, bounded = 0;
  for (unsigned seed = 0; seed < 2000; ++seed) {
    Writer writer(seed);
    const Mask mask = writer.mask(int(seed % 4));
    const std::string text = attention(writer.text + "    heed.yield " + mask.name + " : i1\n");
    CAPTURE(text);
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
    REQUIRE(module);
    auto f = *module->getOps<mlir::func::FuncOp>().begin();
    auto op = *f.getOps<ir::AttentionOp>().begin();
    std::vector<tile::Layout> layouts;
    for (mlir::Value x : op->getOperands()) layouts.push_back(tile::denseLayout(ir::shapeOf(x)));
    layouts.push_back(tile::denseLayout(ir::shapeOf(op->getResult(0))));
    const auto kernel = tile::describe(op, "k", layouts);
    REQUIRE(succeeded(kernel));
    const tile::MaskClasses classes = tile::classifyMask(*kernel, op.getMask());
    complete += classes.complete;
    bounded += !classes.bounds.empty();
    int lost = 0, let_through = 0;
    for (std::int64_t i = 0; i < queries; ++i)
      for (std::int64_t j = 0; j < keys; ++j) {
        const bool inside =
            llvm::all_of(classes.bounds, [&](const tile::KeyBound& b) { return passes(b, i, j); });
        lost += mask.seen(i, j) && !inside;
        let_through += classes.complete && inside && !mask.seen(i, j);
      }
    CHECK_EQ(lost, 0);
    CHECK_EQ(let_through, 0);
  }
  CHECK_GT(complete, 200);  // or the test would say nothing
  CHECK_GT(bounded, 500);
}
