// The safetensors format: u64 length of a JSON header, the header, the elements.
//   {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …, "__metadata__": {…}}
// Pure functions over bytes; files are checkpoint.h's matter.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "heed/runtime/tensor.h"

namespace heed {

// Element types that files hold; more than tensors have.
enum class StoredType : std::uint8_t {
  f64,
  f32,
  f16,
  bf16,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean
};

std::string_view name_of(StoredType type);  // as in files: "F64", "BOOL"
std::size_t size_of(StoredType type);
StoredType stored_type_of(DType type);

struct StoredTensor {
  std::string name;
  StoredType type = StoredType::f32;
  Sizes sizes;
  std::uint64_t begin = 0;  // bytes from the first element of the file
  std::uint64_t size_bytes() const { return std::uint64_t(sizes.count()) * size_of(type); }
};

struct SafetensorsContent {
  std::vector<StoredTensor> tensors;            // by ascending name
  std::map<std::string, std::string> metadata;  // what else the writer had to say
};

inline constexpr std::size_t safetensors_prefix = 8;
inline constexpr std::uint64_t most_safetensors_header = 100'000'000;

// Length of the header from the first 8 bytes of a file of file_size bytes.
// Throws Error when the file is too short for it and above 100 MB.
std::size_t safetensors_header_size(std::span<const std::byte> prefix, std::uint64_t file_size);

// data_size: bytes after the header. Throws Error on anything that is not the format: malformed
// JSON, repeated names, unknown types, sizes that disagree with the offsets, and elements that
// overlap, leave gaps or do not fill the file exactly.
SafetensorsContent parse_safetensors(std::span<const std::byte> header, std::uint64_t data_size);

// The 8 bytes and the header for tensors lying one after another in this order; `begin` is ignored.
std::string safetensors_header(std::span<const StoredTensor> tensors);

}  // namespace heed
