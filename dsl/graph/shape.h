// Shapes and tensor types as plain values.
#pragma once
#include "heed/dsl/graph/dim_text.h"
#include "heed/dsl/graph/dtype.h"

namespace heed {

inline constexpr int max_rank = 8;

struct Shape {
  int rank = 0;
  Dim dims[max_rank]{};

  constexpr bool operator==(const Shape& other) const {
    if (rank != other.rank) return false;
    for (int i = 0; i < rank; ++i)
      if (!(dims[i] == other.dims[i])) return false;
    return true;
  }
  constexpr const Dim& operator[](int i) const { return dims[i < 0 ? rank + i : i]; }
  constexpr Dim& operator[](int i) { return dims[i < 0 ? rank + i : i]; }
  constexpr void append(const Dim& d) { dims[rank++] = d; }
};

constexpr Dim element_count(const Shape& s) {
  Dim n(1);
  for (int i = 0; i < s.rank; ++i) n = n * s.dims[i];
  return n;
}
constexpr bool is_static(const Shape& s) {
  for (int i = 0; i < s.rank; ++i)
    if (!s.dims[i].is_static()) return false;
  return true;
}

// "[B, 197, 768]"
template <class Sink>
constexpr void print(const Shape& s, Sink&& put) {
  put('[');
  for (int i = 0; i < s.rank; ++i) {
    if (i) {
      put(',');
      put(' ');
    }
    print(s.dims[i], put);
  }
  put(']');
}
inline std::string text_of(const Shape& s) {
  std::string t;
  print(s, [&](char c) { t += c; });
  return t;
}

struct TensorType {
  DType dtype = DType::f32;
  Shape shape;
  constexpr bool operator==(const TensorType&) const = default;
};

}  // namespace heed
