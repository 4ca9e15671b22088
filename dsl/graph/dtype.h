// Element types of contract 1. Numeric values are part of the encoded format: append, never
// renumber.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heed {

enum class DType : std::uint8_t {
  f32 = 0, f16 = 1, bf16 = 2, i8 = 3, i32 = 4, i64 = 5, boolean = 6
};
inline constexpr int dtype_count = 7;

constexpr std::string_view name_of(DType type) {
  constexpr std::string_view names[dtype_count] = {"f32", "f16", "bf16", "i8",
                                                   "i32", "i64", "bool"};
  return names[static_cast<int>(type)];
}
// Bytes of one stored element; a bool is a byte holding 0 or 1.
constexpr std::size_t size_of(DType type) {
  constexpr std::size_t sizes[dtype_count] = {4, 2, 2, 1, 4, 8, 1};
  return sizes[static_cast<int>(type)];
}
constexpr bool is_float(DType type) { return type <= DType::bf16; }
constexpr bool is_integer(DType type) { return type >= DType::i8 && type <= DType::i64; }

}  // namespace heed
