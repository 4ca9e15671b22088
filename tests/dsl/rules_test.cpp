// The shape and dtype rules as the decoder asks them: one block an op family, with what each
// accepts and refuses.
#include "heed/dsl/graph/rules.h"
#include "heed/dsl/graph/text.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <vector>

using namespace heed;
using namespace heed::graph;

namespace {

const Dim B{"B"}, T{"T"}, H{"H"}, W{"W"};

TensorType type(DType dtype, std::initializer_list<Dim> dims) {
  TensorType t{dtype, {}};
  for (const Dim& d : dims) t.shape.append(d);
  return t;
}
TensorType f(std::initializer_list<Dim> dims) { return type(DType::f32, dims); }
TensorType i(std::initializer_list<Dim> dims) { return type(DType::i64, dims); }
TensorType bits(std::initializer_list<Dim> dims) { return type(DType::boolean, dims); }

struct With {
  std::vector<std::int64_t> ints;
  std::vector<Dim> dims;
  std::vector<double> reals;
  TensorType declared;
};

std::string text(const TensorType& t) { return std::string(name_of(t.dtype)) + text_of(t.shape); }

// The result type, or the sentence.
std::string ask(OpCode op, const std::vector<TensorType>& operands, const With& w = {}) {
  std::vector<const TensorType*> at;
  for (const TensorType& t : operands) at.push_back(&t);
  Attributes with{w.ints.data(),      int(w.ints.size()), w.dims.data(),
                  int(w.dims.size()), w.reals.data(),     int(w.reals.size())};
  Inferred r = infer(op, {at.data(), int(at.size())}, with, w.declared);
  return r.problem ? text_of(r.problem) : text(r.type);
}

}  // namespace

TEST_CASE("scalar ops broadcast") {
  for (OpCode op : {OpCode::add, OpCode::sub, OpCode::mul, OpCode::div, OpCode::maximum,
                    OpCode::minimum, OpCode::pow})
    CHECK(ask(op, {f({B, 1, 64}), f({T, 1})}) == "f32[B, T, 64]");
  CHECK(ask(OpCode::add, {f({T, 64}), f({})}) == "f32[T, 64]");
  CHECK(ask(OpCode::add, {f({}), f({B, 64})}) == "f32[B, 64]");
  CHECK(ask(OpCode::add, {i({2}), i({2})}) == "i64[2]");
  CHECK(ask(OpCode::add, {f({2, 3}), f({2, 4})}) == "cannot broadcast: 3 vs 4");
  CHECK(ask(OpCode::add, {f({B}), f({T})}) == "cannot broadcast: B vs T");
  CHECK(ask(OpCode::add, {f({2}), i({2})}) == "dtypes differ: f32 vs i64");
  CHECK(ask(OpCode::add, {bits({2}), bits({2})}) == "needs a number, found: bool");
  CHECK(ask(OpCode::pow, {i({2}), i({2})}) == "needs a float dtype, found: i64");
}

TEST_CASE("comparisons, logic, where") {
  for (OpCode op : {OpCode::eq, OpCode::ne, OpCode::lt, OpCode::le, OpCode::gt, OpCode::ge})
    CHECK(ask(op, {f({T, 1}), f({1, T})}) == "bool[T, T]");
  CHECK(ask(OpCode::eq, {bits({2}), bits({2})}) == "bool[2]");
  CHECK(ask(OpCode::lt, {bits({2}), bits({2})}) == "needs a number, found: bool");
  CHECK(ask(OpCode::logical_and, {bits({T, 1}), bits({T})}) == "bool[T, T]");
  CHECK(ask(OpCode::logical_or, {f({2}), f({2})}) == "needs bool, found: f32");
  CHECK(ask(OpCode::logical_not, {bits({2})}) == "bool[2]");
  CHECK(ask(OpCode::logical_not, {i({2})}) == "needs bool, found: i64");
  CHECK(ask(OpCode::where, {bits({T, T}), f({B, 8, T, T}), f({})}) == "f32[B, 8, T, T]");
  CHECK(ask(OpCode::where, {f({2}), f({2}), f({2})}) == "needs bool, found: f32");
  CHECK(ask(OpCode::where, {bits({2}), f({2}), i({2})}) == "dtypes differ: f32 vs i64");
  CHECK(ask(OpCode::where, {bits({3}), f({2}), f({2})}) == "cannot broadcast: 2 vs 3");
}

TEST_CASE("random numbers") {
  const With floats{{}, {}, {}, f({})}, words{{}, {}, {}, type(DType::i32, {})};
  CHECK(ask(OpCode::random, {i({}), i({B, 1}), i({T})}, floats) == "f32[B, T]");
  CHECK(ask(OpCode::random, {i({}), i({B, 1}), i({T})}, words) == "i32[B, T]");
  CHECK(ask(OpCode::random, {i({}), i({}), i({})}, {{}, {}, {}, i({})}) ==
        "gives f32 or i32, not: i64");
  CHECK(ask(OpCode::random, {i({}), f({}), i({})}, floats) == "needs i32 or i64, found: f32");
  CHECK(ask(OpCode::random, {i({}), i({}), type(DType::i32, {})}, floats) ==
        "dtypes differ: i64 vs i32");
  CHECK(ask(OpCode::random, {i({B}), i({T}), i({})}, floats) == "cannot broadcast: B vs T");
}

TEST_CASE("unary ops and cast") {
  for (OpCode op :
       {OpCode::exp, OpCode::log, OpCode::sqrt, OpCode::rsqrt, OpCode::tanh, OpCode::sigmoid,
        OpCode::erf, OpCode::sin, OpCode::cos, OpCode::relu, OpCode::gelu, OpCode::silu}) {
    CHECK(ask(op, {f({B, 3})}) == "f32[B, 3]");
    CHECK(ask(op, {i({B, 3})}) == "needs a float dtype, found: i64");
  }
  for (OpCode op : {OpCode::neg, OpCode::abs}) {
    CHECK(ask(op, {i({B})}) == "i64[B]");
    CHECK(ask(op, {bits({B})}) == "needs a number, found: bool");
  }
  CHECK(ask(OpCode::cast, {bits({B, 2})}, {{}, {}, {}, type(DType::bf16, {})}) == "bf16[B, 2]");
}

TEST_CASE("leaves") {
  CHECK(ask(OpCode::parameter, {}, {{}, {}, {}, f({2, 3})}) == "f32[2, 3]");
  CHECK(ask(OpCode::parameter, {}, {{}, {}, {}, f({T, 3})}) == "must be static: T");
  CHECK(ask(OpCode::buffer, {}, {{}, {}, {}, f({0})}) == "dimension is not positive: 0");
  CHECK(ask(OpCode::constant, {}, {{}, {}, {0.5}, f({})}) == "f32[]");
  CHECK(ask(OpCode::constant, {}, {{}, {}, {0.5}, i({})}) == "scalar is not a whole number");
  CHECK(ask(OpCode::constant, {}, {{}, {}, {0.5}, f({1})}) == "rank is too large: 1 vs 0");
  CHECK(ask(OpCode::position, {}, {{1}, {}, {}, i({1, T, 1})}) == "i64[1, T, 1]");
  CHECK(ask(OpCode::position, {}, {{1}, {}, {}, i({B, T})}) == "dimensions differ: B vs 1");
  CHECK(ask(OpCode::position, {}, {{2}, {}, {}, i({1, T})}) == "axis is out of range: 2 vs 2");
  CHECK(ask(OpCode::position, {}, {{1}, {}, {}, f({1, T})}) == "dtypes differ: f32 vs i64");
  CHECK(ask(OpCode::extent, {}, {{}, {T}, {}, i({})}) == "i64[]");
  CHECK(ask(OpCode::input, {}, {{0}, {}, {}, f({B, T})}) == "f32[B, T]");
}

TEST_CASE("layout") {
  auto to = [](std::initializer_list<Dim> dims) { return With{{}, {}, {}, f(dims)}; };
  CHECK(ask(OpCode::reshape, {f({B, T, 768})}, to({B, T, 12, 64})) == "f32[B, T, 12, 64]");
  CHECK(ask(OpCode::reshape, {f({B, T, H, W})}, to({W, H, B * T})) == "f32[W, H, B*T]");
  CHECK(ask(OpCode::reshape, {f({B, T, 768})}, to({B, T, 700})) ==
        "element counts differ: 768 vs 700");
  CHECK(ask(OpCode::reshape, {f({T, 6})}, to({T / 4, 4, 6})) == "f32[T/4, 4, 6]");
  CHECK(ask(OpCode::broadcast, {f({1, 64})}, to({B, T, 64})) == "f32[B, T, 64]");
  CHECK(ask(OpCode::broadcast, {f({2, 64})}, to({64})) == "rank is too small: 1 vs 2");
  CHECK(ask(OpCode::broadcast, {f({2, 64})}, to({3, 64})) == "cannot broadcast: 2 vs 3");
  CHECK(ask(OpCode::permute, {f({B, T, 8})}, {{2, 0, 1}, {}, {}, {}}) == "f32[8, B, T]");
  CHECK(ask(OpCode::permute, {f({B, T, 8})}, {{2, 0, 0}, {}, {}, {}}) ==
        "not a permutation of the axes");
  CHECK(ask(OpCode::permute, {f({B, T, 8})}, {{1, 0}, {}, {}, {}}) == "rank differs: 2 vs 3");
  CHECK(ask(OpCode::slice, {f({B, 9})}, {{1}, {2, 6}, {}, {}}) == "f32[B, 4]");
  CHECK(ask(OpCode::slice, {f({512, 9})}, {{0}, {0, T}, {}, {}}) == "f32[T, 9]");
  CHECK(ask(OpCode::slice, {f({T, 9})}, {{0}, {1, T}, {}, {}}) == "f32[T-1, 9]");
  CHECK(ask(OpCode::slice, {f({T, 9})}, {{0}, {0, T + 1}, {}, {}}) ==
        "slice is out of range: T+1 vs T");
  CHECK(ask(OpCode::slice, {f({B, 9})}, {{1}, {-1, 6}, {}, {}}) ==
        "slice is out of range: -1 vs 9");
  CHECK(ask(OpCode::slice, {f({B, 9})}, {{1}, {6, 6}, {}, {}}) == "dimension is not positive: 0");
  CHECK(ask(OpCode::pad, {f({B, T})}, {{1}, {1, 2}, {0}, {}}) == "f32[B, T+3]");
  CHECK(ask(OpCode::pad, {f({B, T})}, {{1}, {1, -2}, {0}, {}}) == "padding is negative: -2");
  CHECK(ask(OpCode::roll, {f({B, T})}, {{1, -3}, {}, {}, {}}) == "f32[B, T]");
  CHECK(ask(OpCode::roll, {f({B, T})}, {{2, -3}, {}, {}, {}}) == "axis is out of range: 2 vs 2");
  CHECK(ask(OpCode::concat, {f({B, T, 4}), f({B, 1, 4}), f({B, T, 4})}, {{1}, {}, {}, {}}) ==
        "f32[B, 2*T+1, 4]");
  CHECK(ask(OpCode::concat, {f({B, T}), f({B, T, 1})}, {{1}, {}, {}, {}}) ==
        "rank differs: 2 vs 3");
  CHECK(ask(OpCode::concat, {f({B, 3}), f({T, 3})}, {{1}, {}, {}, {}}) ==
        "dimensions differ: B vs T");
  CHECK(ask(OpCode::concat, {f({B, 3}), i({B, 3})}, {{1}, {}, {}, {}}) ==
        "dtypes differ: f32 vs i64");
}

TEST_CASE("contractions") {
  CHECK(ask(OpCode::matmul, {f({B, 12, T, 64}), f({B, 12, 64, T})}) == "f32[B, 12, T, T]");
  CHECK(ask(OpCode::matmul, {f({B, T, 64}), f({64, 8})}) == "f32[B, T, 8]");
  CHECK(ask(OpCode::matmul, {f({4, 64}), f({B, 1, 64, 8})}) == "f32[B, 1, 4, 8]");
  CHECK(ask(OpCode::matmul, {f({B, T, 64}), f({32, 8})}) == "inner dimensions differ: 64 vs 32");
  CHECK(ask(OpCode::matmul, {f({B, T, 64}), f({T, 64, 8})}) == "batch dimensions differ: B vs T");
  CHECK(ask(OpCode::matmul, {f({64}), f({64, 8})}) == "rank is too small: 1 vs 2");
  CHECK(ask(OpCode::matmul, {i({4, 4}), i({4, 4})}) == "needs a float dtype, found: i64");

  With same{{1, 1, 1, 1}, {}, {}, {}}, stem{{2, 3, 1, 1}, {}, {}, {}};
  CHECK(ask(OpCode::conv2d, {f({B, 3, 224, 224}), f({64, 3, 7, 7})}, stem) ==
        "f32[B, 64, 112, 112]");
  CHECK(ask(OpCode::conv2d, {f({B, 3, H, W}), f({64, 3, 3, 3})}, same) == "f32[B, 64, H, W]");
  CHECK(ask(OpCode::conv2d, {f({B, 3, H, W}), f({64, 3, 7, 7})}, stem) ==
        "f32[B, 64, floor((H+1)/2), floor((W+1)/2)]");
  CHECK(ask(OpCode::conv2d, {f({B, 8, 9, 9}), f({8, 1, 3, 3})}, {{1, 0, 2, 8}, {}, {}, {}}) ==
        "f32[B, 8, 5, 5]");
  CHECK(ask(OpCode::conv2d, {f({B, 3, 9, 9}), f({8, 4, 3, 3})}, same) == "channels differ: 3 vs 4");
  CHECK(ask(OpCode::conv2d, {f({B, 3, 9, 9}), f({8, 1, 3, 3})}, {{1, 0, 1, 2}, {}, {}, {}}) ==
        "groups do not divide: 2 vs 3");
  CHECK(ask(OpCode::conv2d, {f({B, 3, 9, 9}), f({8, 3, 3, T})}, same) == "must be static: T");
  CHECK(ask(OpCode::conv2d, {f({B, 3, 2, 2}), f({8, 3, 5, 5})}, same) ==
        "kernel exceeds the image: 5 vs 4");
  CHECK(ask(OpCode::conv2d, {f({B, 3, 9, 9}), f({8, 3, 3, 3})}, {{1, -1, 1, 1}, {}, {}, {}}) ==
        "padding is negative: -1");
  CHECK(ask(OpCode::conv2d, {f({B, 3, 9, 9}), f({8, 3, 3, 3})}, {{1, 0, 0, 1}, {}, {}, {}}) ==
        "stride or dilation below 1: 0");
}

TEST_CASE("convolution of clips") {
  With stem{{2, 4, 4, 1, 3, 3, 1, 1, 1, 1}, {}, {}, {}};
  CHECK(ask(OpCode::conv3d, {f({B, 3, 16, 224, 224}), f({96, 3, 3, 7, 7})}, stem) ==
        "f32[B, 96, 8, 56, 56]");
  CHECK(ask(OpCode::conv3d, {f({B, 8, 4, H, W}), f({8, 1, 3, 3, 3})},
            {{1, 2, 2, 1, 1, 1, 1, 1, 1, 8}, {}, {}, {}}) ==
        "f32[B, 8, 4, floor((H+1)/2), floor((W+1)/2)]");
  CHECK(ask(OpCode::conv3d, {f({B, 3, 16, 8, 8}), f({96, 3, 3, 7})}, stem) ==
        "rank differs: 4 vs 5");
  CHECK(ask(OpCode::conv3d, {f({B, 3, 1, 8, 8}), f({8, 3, 4, 3, 3})}, stem) ==
        "kernel exceeds the image: 4 vs 3");
  CHECK(ask(OpCode::conv3d, {f({B, 3, 4, 8, 8}), f({8, 3, 3, 3, 3})},
            {{1, 1, 0, 0, 0, 0, 1, 1, 1, 1}, {}, {}, {}}) == "stride or dilation below 1: 0");
}

TEST_CASE("windows") {
  auto window = [](const TensorType& x, std::vector<std::int64_t> ints) {
    return ask(OpCode::window, {x}, {ints, {}, {0}, {}});
  };
  CHECK(window(f({B, 64, 112, 112}), {2, 3, 2, 1, 1, 1}) == "f32[B, 64, 56, 112, 3]");
  CHECK(window(f({B, T}), {1, 3, 2, 2, 1, 0}) == "f32[B, floor((T)/2)-1, 3]");
  CHECK(window(i({B, 7}), {1, 7, 1, 1, 0, 0}) == "i64[B, 1, 7]");
  CHECK(window(f({B, 6}), {1, 4, 1, 2, 0, 0}) == "kernel exceeds the image: 7 vs 6");
  CHECK(window(f({B, 6}), {2, 4, 1, 1, 0, 0}) == "axis is out of range: 2 vs 2");
  CHECK(window(f({B, 6}), {1, 0, 1, 1, 0, 0}) == "dimension is not positive: 0");
  CHECK(window(f({B, 6}), {1, 2, 1, 0, 0, 0}) == "stride or dilation below 1: 0");
  CHECK(window(f({B, 6}), {1, 2, 1, 1, 0, -1}) == "padding is negative: -1");
  CHECK(window(f({1, 1, 1, 1, 1, 1, 1, 4}), {7, 2, 1, 1, 0, 0}) == "rank is too large: 9 vs 8");
}

TEST_CASE("rows and gather") {
  CHECK(ask(OpCode::softmax, {f({B, T})}, {{1}, {}, {}, {}}) == "f32[B, T]");
  CHECK(ask(OpCode::softmax, {f({B, T})}, {{2}, {}, {}, {}}) == "axis is out of range: 2 vs 2");
  for (OpCode op : {OpCode::sum, OpCode::mean, OpCode::max, OpCode::min}) {
    CHECK(ask(op, {f({B, T, 4})}, {{1, 0}, {}, {}, {}}) == "f32[B, 4]");
    CHECK(ask(op, {f({B, T, 4})}, {{1, 1}, {}, {}, {}}) == "f32[B, 1, 4]");
  }
  CHECK(ask(OpCode::sum, {i({B, T})}, {{0, 0}, {}, {}, {}}) == "i64[T]");
  CHECK(ask(OpCode::mean, {i({B, T})}, {{0, 0}, {}, {}, {}}) == "needs a float dtype, found: i64");
  CHECK(ask(OpCode::normalize, {f({B, 8}), f({8}), f({8})}, {{}, {}, {1e-5}, {}}) == "f32[B, 8]");
  CHECK(ask(OpCode::normalize, {f({B, 8}), f({9})}, {{}, {}, {1e-5}, {}}) ==
        "dimensions differ: 9 vs 8");
  CHECK(ask(OpCode::normalize, {f({B, 8})}, {{}, {}, {0}, {}}) == "epsilon is not positive");
  CHECK(ask(OpCode::gather, {f({100, 8}), i({B, T})}) == "f32[B, T, 8]");
  CHECK(ask(OpCode::gather, {f({100}), i({B})}) == "f32[B]");
  CHECK(ask(OpCode::gather, {f({100, 8}), f({B, T})}) == "needs i32 or i64, found: f32");
  CHECK(ask(OpCode::gather, {f({}), i({B, T})}) == "rank is too small: 0 vs 1");
}

TEST_CASE("append") {
  const TensorType cache = f({6, B, T, 8});
  auto append = [&](const TensorType& x, const TensorType& rows, const TensorType& at,
                    std::int64_t layer = 5) {
    return ask(OpCode::append, {x, rows, at}, {{layer}, {}, {}, {}});
  };
  CHECK(append(cache, f({B, 2, 8}), i({B})) == "f32[6, B, T, 8]");
  CHECK(append(cache, i({B, 2, 8}), i({B})) == "dtypes differ: f32 vs i64");
  CHECK(append(cache, f({B, 2, 8}), f({B})) == "needs i32 or i64, found: f32");
  CHECK(append(f({B, T, 8}), f({B, 2, 8}), i({B})) == "rank differs: 3 vs 4");
  CHECK(append(cache, f({B, 8}), i({B})) == "rank differs: 2 vs 3");
  CHECK(append(cache, f({B, 2, 8}), i({B, 1})) == "rank differs: 2 vs 1");
  CHECK(append(f({H, B, T, 8}), f({B, 2, 8}), i({B})) == "must be static: H");
  CHECK(append(cache, f({B, 2, 8}), i({B}), 6) == "layer is out of range: 6 vs 6");
  CHECK(append(cache, f({T, 2, 8}), i({B})) == "dimensions differ: T vs B");
  CHECK(append(cache, f({B, 2, 9}), i({B})) == "dimensions differ: 9 vs 8");
  CHECK(append(cache, f({B, 2, 8}), i({W})) == "dimensions differ: W vs B");
}

TEST_CASE("what a step sees and what its outputs become") {
  auto said = [](const Inferred& r) { return r.problem ? text_of(r.problem) : text_of(r.type); };
  CHECK(said(infer_step(f({B, T, 8}), 1, T)) == "f32[B, 8]");
  CHECK(said(infer_step(f({B, T, 8}), 0, T)) == "steps differ: T vs B");
  CHECK(said(infer_step(f({B, T}), 2, T)) == "axis is out of range: 2 vs 2");
  CHECK(said(infer_stacked(f({B, 8}), 1, T)) == "f32[B, T, 8]");
  CHECK(said(infer_stacked(f({B, 8}), 2, T)) == "f32[B, 8, T]");
  CHECK(said(infer_stacked(f({B, 8}), 3, T)) == "axis is out of range: 3 vs 3");
  CHECK(said(infer_stacked(f({1, 1, 1, 1, 1, 1, 1, 1}), 0, T)) == "rank is too large: 9 vs 8");
}

TEST_CASE("every op of the table has a rule") {
  const std::size_t most_ints = 16;  // more than any op has
  for (const OpInfo& row : op_table) {
    if (row.kind == OpClass::structural && row.code != OpCode::probe) continue;  // the callee says
    std::vector<TensorType> operands(std::size_t(row.most_operands), f({2, 2, 2, 2}));
    With w{std::vector<std::int64_t>(most_ints, 1), {1, 2}, {1}, i({})};
    CHECK_MESSAGE(ask(row.code, operands, w) != "has no shape rule", row.name);
  }
}
