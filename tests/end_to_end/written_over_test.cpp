// A kernel takes the place of what it reads element by element, and never of what is still to be
// read.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "attention_oracle.h"
#include "heed/dsl/dsl.h"
#include "heed/dsl/load.h"
#include "heed/runtime/formula.h"
#include "heed/runtime/memory.h"
#include "heed/runtime/session.h"

using namespace heed;

namespace {

constexpr std::int64_t rows = 41, features = 70, hidden = 1600;  // summed up in blocks
constexpr std::size_t narrow_bytes = aligned_size(rows * features * 4),
                      wide_bytes = aligned_size(rows * hidden * 4);

constexpr auto through_hidden(expression auto x) {
  return matmul(matmul(x, param<"up", tensor<f32, features, hidden>>),
                param<"down", tensor<f32, hidden, features>>);
}
constexpr auto first(expression auto x) {
  return matmul(x, param<"first", tensor<f32, features, features>>);
}
constexpr auto last(expression auto x) {
  return matmul(x, param<"last", tensor<f32, features, features>>);
}

struct added {
  constexpr auto operator()(expression auto x) const {
    auto h = first(x);
    return sum<-1>(h + through_hidden(h));
  }
};
// A second sum reads what the first one adds.
struct read_again {
  constexpr auto operator()(expression auto x) const {
    auto h = first(x);
    return sum<-1>(h + through_hidden(h) + last(h));
  }
};
// The same rows are added and multiplied.
struct both {
  constexpr auto operator()(expression auto x) const {
    auto h = first(x);
    return sum<-1>(h + last(h));
  }
};
// Other elements than those that are written.
struct turned {
  constexpr auto operator()(expression auto x) const {
    auto h = matmul(x, param<"first", tensor<f32, features, rows>>);  // square
    auto wide = matmul(h, param<"up", tensor<f32, rows, hidden>>);
    return sum<-1>(transpose(h) + matmul(wide, param<"down", tensor<f32, hidden, rows>>));
  }
};

// Rows that are normalised, then folded with others.
struct normalised {
  constexpr auto operator()(expression auto x) const {
    return sum<-1>(softmax<-1>(first(x)) * x);
  }
};
struct normalised_and_read {
  constexpr auto operator()(expression auto x) const {
    auto h = first(x);
    return sum<-1>(last(softmax<-1>(h)) + h);
  }
};
// An op a kernel: the first reads rows that it does not write.
struct rolled {
  constexpr auto operator()(expression auto x) const {
    return sum<-1>(relu(roll<0, 3>(first(x))) * scalar<2.0>);
  }
};

struct Matrix {
  std::int64_t rows, columns;
  std::vector<double> at;
};
Matrix weight(const char* name, std::int64_t m, std::int64_t n) {
  std::vector<float> w(std::size_t(m * n));
  const std::int64_t shape[] = {m, n};
  formula_fill(name, shape, w);
  return {m, n, {w.begin(), w.end()}};
}
Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix c{a.rows, b.columns, std::vector<double>(std::size_t(a.rows * b.columns))};
  for (std::int64_t i = 0; i < a.rows; ++i)
    for (std::int64_t k = 0; k < a.columns; ++k)
      for (std::int64_t j = 0; j < b.columns; ++j)
        c.at[std::size_t(i * b.columns + j)] +=
            a.at[std::size_t(i * a.columns + k)] * b.at[std::size_t(k * b.columns + j)];
  return c;
}
Matrix operator+(Matrix a, const Matrix& b) {
  for (std::size_t i = 0; i < a.at.size(); ++i) a.at[i] += b.at[i];
  return a;
}
Matrix transposed(const Matrix& a) {
  Matrix t{a.columns, a.rows, std::vector<double>(a.at.size())};
  for (std::int64_t i = 0; i < a.rows; ++i)
    for (std::int64_t j = 0; j < a.columns; ++j)
      t.at[std::size_t(j * a.rows + i)] = a.at[std::size_t(i * a.columns + j)];
  return t;
}
Matrix softmax_of(Matrix a) {
  for (std::int64_t i = 0; i < a.rows; ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < a.columns; ++j)
      sum += a.at[std::size_t(i * a.columns + j)] = std::exp(a.at[std::size_t(i * a.columns + j)]);
    for (std::int64_t j = 0; j < a.columns; ++j) a.at[std::size_t(i * a.columns + j)] /= sum;
  }
  return a;
}
Matrix times(Matrix a, const Matrix& b) {
  for (std::size_t i = 0; i < a.at.size(); ++i) a.at[i] *= b.at[i];
  return a;
}
std::vector<float> row_sums(const Matrix& a) {
  std::vector<float> sums;
  for (std::int64_t i = 0; i < a.rows; ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < a.columns; ++j) sum += a.at[std::size_t(i * a.columns + j)];
    sums.push_back(float(sum));
  }
  return sums;
}

// Bytes of intermediates.
template <class Model>
std::size_t check(const std::string& target, const Tensor& x, const Matrix& expected,
                  const char* fusion = "all") {
  CAPTURE(target);
  Options options;
  options.fusion = fusion;
  options.target = target;
  options.threads = 2;
  Program program = load<Model, tensor<f32, rows, features>>(options);
  Session session = program.bind(formula_checkpoint(program.parameters()));
  const Tensor found = session.run(x);
  CHECK(oracle::difference(found.as<float>(), row_sums(expected)) < 1e-5);
  return session.arena_bytes();
}

}  // namespace

TEST_CASE("a contraction writes over what it adds, unless somebody reads it") {
  Tensor x(DType::f32, {rows, features});
  formula_input("x", x.as<float>());
  const Matrix input{rows, features, {x.as<float>().begin(), x.as<float>().end()}},
      h = input * weight("first", features, features), l = h * weight("last", features, features),
      hidden_of_h = h * weight("up", features, hidden) * weight("down", hidden, features),
      square = input * weight("first", features, rows),
      hidden_of_square = square * weight("up", rows, hidden) * weight("down", hidden, rows);
  for (const std::string& target :
       oracle::targets({"host", "x86-64-avx2", "x86-64", "reference"})) {
    const std::size_t alone = check<added>(target, x, h + hidden_of_h),
                      again = check<read_again>(target, x, h + hidden_of_h + l),
                      twice = check<both>(target, x, h + l);
    check<turned>(target, x, transposed(square) + hidden_of_square);
    if (target == "vulkan") continue;  // nothing is written over there
    CHECK(alone == narrow_bytes + wide_bytes);
    CHECK(again == 2 * narrow_bytes + wide_bytes);
    CHECK(twice == 2 * narrow_bytes);
  }
}

TEST_CASE("rows and maps write over what they read, unless somebody reads it") {
  Tensor x(DType::f32, {rows, features});
  formula_input("x", x.as<float>());
  const Matrix input{rows, features, {x.as<float>().begin(), x.as<float>().end()}},
      h = input * weight("first", features, features);
  Matrix moved = h;
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < features; ++j)
      moved.at[std::size_t((i + 3) % rows * features + j)] =
          2 * std::max(0.0, h.at[std::size_t(i * features + j)]);
  for (const std::string& target :
       oracle::targets({"host", "x86-64-avx2", "x86-64", "reference"})) {
    const std::size_t alone = check<normalised>(target, x, times(softmax_of(h), input)),
                      again = check<normalised_and_read>(
                          target, x, softmax_of(h) * weight("last", features, features) + h),
                      maps = check<rolled>(target, x, moved, "none");
    if (target == "vulkan") continue;
    CHECK(alone == narrow_bytes);
    CHECK(again == 2 * narrow_bytes);
    CHECK(maps == 2 * narrow_bytes);
  }
}
