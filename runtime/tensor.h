// A dense row-major array of one element type: the caller's inputs, a session's results.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "heed/dsl/graph/dtype.h"
#include "heed/dsl/graph/shape.h"
#include "heed/runtime/memory.h"

namespace heed {

// Extents of a tensor, without a heap. At most max_rank of them, none negative.
class Sizes {
 public:
  Sizes() = default;
  // Throws Error on a negative extent, on more than max_rank of them and where their product
  // overflows.
  Sizes(std::initializer_list<std::int64_t> extents)
      : Sizes(std::span(extents.begin(), extents.size())) {}
  explicit Sizes(std::span<const std::int64_t> extents);

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }
  std::int64_t count() const;  // elements: the product, 1 for a scalar
  const std::int64_t* begin() const { return extents_.data(); }
  const std::int64_t* end() const { return extents_.data() + rank_; }
  bool operator==(const Sizes& other) const;

 private:
  std::array<std::int64_t, max_rank> extents_{};
  int rank_ = 0;
};

std::string text_of(const Sizes& sizes);  // "[2, 197, 768]"

// C++ types that elements can be read as. Floats of two bytes are read as their bits.
template <class T>
constexpr bool holds(DType type) {
  if constexpr (std::is_same_v<T, float>) return type == DType::f32;
  else if constexpr (std::is_same_v<T, std::uint16_t>)
    return type == DType::f16 || type == DType::bf16;
  else if constexpr (std::is_same_v<T, std::int8_t>) return type == DType::i8;
  else if constexpr (std::is_same_v<T, std::int32_t>) return type == DType::i32;
  else if constexpr (std::is_same_v<T, std::int64_t>) return type == DType::i64;
  else if constexpr (std::is_same_v<T, bool>) return type == DType::boolean;
  else
    static_assert(!sizeof(T),
                  "tensors hold float, 16-bit floats as uint16_t, int8/32/64_t and bool");
}

// Owns its elements, or is a view of someone's who must outlive it. Moves; `copy` copies.
class Tensor {
 public:
  Tensor() = default;               // f32, no element
  Tensor(DType type, Sizes sizes);  // owns; every element 0
  static Tensor view(DType type, Sizes sizes, void* elements);
  template <class T>  // owns a copy of `elements`
  static Tensor of(DType type, Sizes sizes, std::span<const T> elements);

  Tensor(Tensor&& other) noexcept;
  Tensor& operator=(Tensor&& other) noexcept;
  Tensor copy() const;  // owns
  Tensor view() const { return view(type_, sizes_, elements_); }

  DType dtype() const { return type_; }
  const Sizes& sizes() const { return sizes_; }
  int rank() const { return sizes_.rank(); }
  std::int64_t count() const { return count_; }
  std::size_t size_bytes() const { return static_cast<std::size_t>(count_) * size_of(type_); }
  void* data() { return elements_; }
  const void* data() const { return elements_; }

  // All elements in order. Throws Error when T does not hold this dtype.
  template <class T>
  std::span<T> as() {
    check(holds<T>(type_));
    return {static_cast<T*>(elements_), static_cast<std::size_t>(count_)};
  }
  template <class T>
  std::span<const T> as() const {
    check(holds<T>(type_));
    return {static_cast<const T*>(elements_), static_cast<std::size_t>(count_)};
  }
  // One element; throws Error outside the sizes.
  template <class T>
  T& at(std::initializer_list<std::int64_t> index) {
    return as<T>()[offset(index)];
  }
  template <class T>
  const T& at(std::initializer_list<std::int64_t> index) const {
    return as<T>()[offset(index)];
  }

 private:
  void check(bool held) const;
  std::size_t offset(std::initializer_list<std::int64_t> index) const;

  DType type_ = DType::f32;
  Sizes sizes_{0};
  std::int64_t count_ = 0;
  void* elements_ = nullptr;
  Memory memory_;  // empty in a view
};

namespace detail {
void check_count(const Sizes& sizes, std::size_t found);
}

template <class T>
Tensor Tensor::of(DType type, Sizes sizes, std::span<const T> elements) {
  detail::check_count(sizes, elements.size());
  Tensor result(type, sizes);
  std::span<T> out = result.as<T>();
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = elements[i];
  return result;
}

}  // namespace heed
