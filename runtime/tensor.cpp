#include "heed/runtime/tensor.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "heed/runtime/error.h"

namespace heed {

Sizes::Sizes(std::span<const std::int64_t> extents) : rank_(static_cast<int>(extents.size())) {
  if (extents.size() > max_rank)
    throw Error("sizes: ", extents.size(), " axes, at most ", max_rank, " are possible");
  std::ranges::copy(extents, extents_.begin());
  std::int64_t product = 1;
  for (std::int64_t extent : extents) {
    if (extent < 0) throw Error("sizes: ", text_of(*this), " has a negative extent");
    // 8 bytes an element must stay countable, whatever order the extents come in.
    if (extent > 0 && __builtin_mul_overflow(product, extent, &product)) product = -1;
    if (product < 0 || product > std::int64_t(1) << 60)
      throw Error("sizes: ", text_of(*this), " has more elements than can be counted");
  }
}

std::int64_t Sizes::count() const {
  std::int64_t product = 1;
  for (std::int64_t extent : *this) product *= extent;
  return product;
}

bool Sizes::operator==(const Sizes& other) const {
  return std::equal(begin(), end(), other.begin(), other.end());
}

std::string text_of(const Sizes& sizes) {
  std::string text = "[";
  for (int axis = 0; axis < sizes.rank(); ++axis)
    text += (axis ? ", " : "") + std::to_string(sizes[axis]);
  return text + "]";
}

Tensor::Tensor(DType type, Sizes sizes)
    : type_(type),
      sizes_(sizes),
      count_(sizes.count()),
      memory_(static_cast<std::size_t>(count_) * size_of(type), "tensor") {
  elements_ = memory_.data();
}

Tensor Tensor::view(DType type, Sizes sizes, void* elements) {
  Tensor result;
  result.type_ = type;
  result.sizes_ = sizes;
  result.count_ = sizes.count();
  result.elements_ = elements;
  if (!elements && result.count_)
    throw Error("tensor: a view of ", text_of(sizes),
                " needs the address of its elements, got none");
  if (reinterpret_cast<std::uintptr_t>(elements) % size_of(type))
    throw Error("tensor: the elements of a view of ", name_of(type), " must lie at a multiple of ",
                size_of(type), " bytes");
  return result;
}

Tensor::Tensor(Tensor&& other) noexcept
    : type_(other.type_),
      sizes_(std::exchange(other.sizes_, Sizes{0})),
      count_(std::exchange(other.count_, 0)),
      elements_(std::exchange(other.elements_, nullptr)),
      memory_(std::move(other.memory_)) {}

Tensor& Tensor::operator=(Tensor&& other) noexcept {
  Tensor taken(std::move(other));
  type_ = taken.type_;
  std::swap(sizes_, taken.sizes_);
  std::swap(count_, taken.count_);
  std::swap(elements_, taken.elements_);
  std::swap(memory_, taken.memory_);
  return *this;
}

Tensor Tensor::copy() const {
  Tensor result(type_, sizes_);
  if (count_) std::memcpy(result.elements_, elements_, size_bytes());
  return result;
}

void Tensor::check(bool held) const {
  if (!held)
    throw Error("tensor: the elements of ", text_of(sizes_), " are ", name_of(type_),
                " and cannot be read as another type");
}

std::size_t Tensor::offset(std::initializer_list<std::int64_t> index) const {
  bool inside = static_cast<int>(index.size()) == rank();
  std::int64_t offset = 0;
  int axis = 0;
  for (std::int64_t i : index) {
    if (!inside) break;
    inside = i >= 0 && i < sizes_[axis];
    offset = offset * sizes_[axis++] + i;
  }
  if (!inside) {
    std::string text;
    for (std::int64_t i : index) text += (text.empty() ? "" : ", ") + std::to_string(i);
    throw Error("tensor: no element [", text, "] in ", text_of(sizes_));
  }
  return static_cast<std::size_t>(offset);
}

void detail::check_count(const Sizes& sizes, std::size_t found) {
  if (static_cast<std::size_t>(sizes.count()) != found)
    throw Error("tensor: ", text_of(sizes), " has ", sizes.count(), " elements, got ", found);
}

}  // namespace heed
