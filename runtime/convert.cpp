#include "heed/runtime/convert.h"

#include <cstring>

#include "heed/runtime/half.h"

namespace heed {
namespace {

bool is_float(StoredType type) { return type <= StoredType::bf16; }

template <class T>
T element(std::span<const std::byte> bytes, std::size_t i) {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}
template <class T>
void put(std::span<std::byte> bytes, std::size_t i, T value) {
  std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
}

// f64 goes through f32; for the 16-bit types that is a second rounding, which weights never notice.
template <class Load>
void store(std::size_t count, DType to, std::span<std::byte> out, Load&& load) {
  switch (to) {
    case DType::f32:
      for (std::size_t i = 0; i < count; ++i) put(out, i, load(i));
      return;
    case DType::f16:
      for (std::size_t i = 0; i < count; ++i) put(out, i, float_to_half(load(i)));
      return;
    default:
      for (std::size_t i = 0; i < count; ++i) put(out, i, float_to_bfloat(load(i)));
  }
}

}  // namespace

bool converts(StoredType from, DType to) {
  return (is_float(from) && is_float(to)) || from == stored_type_of(to);
}

void convert(StoredType from, std::span<const std::byte> in, DType to, std::span<std::byte> out) {
  const std::size_t count = in.size() / size_of(from);
  switch (from) {
    case StoredType::f64:
      return store(count, to, out,
                   [&](std::size_t i) { return static_cast<float>(element<double>(in, i)); });
    case StoredType::f32:
      return store(count, to, out, [&](std::size_t i) { return element<float>(in, i); });
    case StoredType::f16:
      return store(count, to, out,
                   [&](std::size_t i) { return half_to_float(element<std::uint16_t>(in, i)); });
    case StoredType::bf16:
      return store(count, to, out,
                   [&](std::size_t i) { return bfloat_to_float(element<std::uint16_t>(in, i)); });
    case StoredType::boolean:
      for (std::size_t i = 0; i < count; ++i) out[i] = std::byte(in[i] != std::byte(0));
      return;
    default:
      if (count) std::memcpy(out.data(), in.data(), in.size());
  }
}

}  // namespace heed
