// What a shape or dtype rule answers with, and what it is asked about: plain values, constexpr
// throughout.
#pragma once
#include "heed/dsl/graph/op.h"
#include "heed/dsl/graph/shape.h"
#include "heed/dsl/message.h"

namespace heed::graph {

// Why operands do not fit: a sentence of message.h and the values found, "inner dimensions differ:
// 768 vs 512".
struct Problem {
  const char* sentence = nullptr;
  int dim_count = 0;
  Dim dims[2]{};
  int dtype_count = 0;
  DType dtypes[2]{};
  // apart from `sentence`, since not every compiler compares its address in constants
  bool raised = true;
  constexpr explicit operator bool() const { return raised; }
};

inline constexpr Problem no_problem{.raised = false};
constexpr Problem problem(const char* sentence) { return {sentence}; }
constexpr Problem problem(const char* sentence, const Dim& a) { return {sentence, 1, {a}}; }
constexpr Problem problem(const char* sentence, const Dim& a, const Dim& b) {
  return {sentence, 2, {a, b}};
}
constexpr Problem problem(const char* sentence, DType a) { return {sentence, 0, {}, 1, {a}}; }
constexpr Problem problem(const char* sentence, DType a, DType b) {
  return {sentence, 0, {}, 2, {a, b}};
}

// The values of a problem: "768 vs 512"; nothing where it has none.
template <class Sink>
constexpr void print_values(const Problem& p, Sink&& put) {
  constexpr std::string_view versus = " vs ";
  for (int i = 0; i < p.dim_count; ++i) {
    if (i)
      for (char c : versus) put(c);
    print(p.dims[i], put);
  }
  for (int i = 0; i < p.dtype_count; ++i) {
    if (i)
      for (char c : versus) put(c);
    for (char c : name_of(p.dtypes[i])) put(c);
  }
}
inline std::string text_of(const Problem& p) {
  std::string s = p.sentence ? p.sentence : "";
  if (p.dim_count + p.dtype_count > 0) s += ' ';
  print_values(p, [&](char c) { s += c; });
  return s;
}

// Operand types by reference: they live in the DSL's constants or in a module.
struct Operands {
  const TensorType* const* items = nullptr;
  int count = 0;
  constexpr const TensorType& operator[](int i) const { return *items[i]; }
};

struct Attributes {
  const std::int64_t* ints = nullptr;
  int int_count = 0;
  const Dim* dims = nullptr;
  int dim_count = 0;
  const double* reals = nullptr;
  int real_count = 0;
};

struct Inferred {
  TensorType type{};
  Problem problem = no_problem;
};

// Checks that serve several families.
constexpr Problem check_shape(const Shape& shape) {
  for (int i = 0; i < shape.rank; ++i) {
    const Dim& d = shape.dims[i];
    if (d.invalid) return problem(message::dimension_too_complex);
    if (d.is_static() && d.constant < 1) return problem(message::dimension_not_positive, d);
  }
  return no_problem;
}
constexpr Problem check_static(const Shape& shape) {
  for (int i = 0; i < shape.rank; ++i)
    if (!shape.dims[i].is_static()) return problem(message::must_be_static, shape.dims[i]);
  return no_problem;
}
constexpr Problem check_axis(std::int64_t axis, int rank) {
  if (axis < 0 || axis >= rank) return problem(message::axis_out_of_range, Dim(axis), Dim(rank));
  return no_problem;
}
constexpr Problem check_float(DType dtype) {
  if (!is_float(dtype)) return problem(message::needs_float, dtype);
  return no_problem;
}
constexpr Problem check_number(DType dtype) {
  if (dtype == DType::boolean) return problem(message::needs_number, dtype);
  return no_problem;
}
constexpr Problem check_index(DType dtype) {
  if (dtype != DType::i32 && dtype != DType::i64) return problem(message::needs_integer, dtype);
  return no_problem;
}
constexpr Problem check_same(DType a, DType b) {
  if (a != b) return problem(message::dtypes_differ, a, b);
  return no_problem;
}

}  // namespace heed::graph
