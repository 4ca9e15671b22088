#include "heed/runtime/safetensors.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "heed/runtime/error.h"

namespace heed {
namespace {

struct TypeRow {
  StoredType type;
  std::string_view name;
  std::size_t size;
};
constexpr TypeRow type_table[] = {
    {StoredType::f64, "F64", 8},      {StoredType::f32, "F32", 4}, {StoredType::f16, "F16", 2},
    {StoredType::bf16, "BF16", 2},    {StoredType::i64, "I64", 8}, {StoredType::i32, "I32", 4},
    {StoredType::i16, "I16", 2},      {StoredType::i8, "I8", 1},   {StoredType::u64, "U64", 8},
    {StoredType::u32, "U32", 4},      {StoredType::u16, "U16", 2}, {StoredType::u8, "U8", 1},
    {StoredType::boolean, "BOOL", 1},
};

template <class... Parts>
[[noreturn]] void wrong(const Parts&... parts) {
  throw Error("checkpoint: malformed safetensors, ", parts...);
}

// Receives the header's JSON piece by piece, so that no tree of it is ever built. Depth 1 is the
// object of tensors, depth 2 a tensor (or the metadata), depth 3 its shape or offsets.
class HeaderReader {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  bool null() { unexpected("null"); }
  bool boolean(bool) { unexpected("a boolean"); }
  bool number_integer(number_integer_t) { unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) { unexpected("a fractional or huge number"); }
  bool binary(binary_t&) { unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) {
    if (depth_ != 3) unexpected("a number");
    if (numbers_.size() == max_rank)
      wrong("'", current_.name, "' has more than ", max_rank, " numbers in its ", key_);
    numbers_.push_back(value);
    return true;
  }
  bool string(string_t& text) {
    if (in_metadata_ && depth_ == 2) {
      metadata[key_] = std::move(text);
      return true;
    }
    if (depth_ != 2 || key_ != "dtype") unexpected("a string");
    const auto* row = std::ranges::find(type_table, std::string_view(text), &TypeRow::name);
    if (row == std::end(type_table))
      wrong("'", current_.name, "' has the element type '", text.substr(0, 32),
            "', which is none of F64, F32, ",
            "F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8, BOOL");
    current_.type = row->type;
    has_type_ = true;
    return true;
  }
  bool start_object(std::size_t) {
    if (depth_ == 0) return ++depth_;
    if (depth_ != 1) unexpected("an object");
    in_metadata_ = key_ == "__metadata__";
    current_ = StoredTensor();
    current_.name = key_;
    has_type_ = false;
    shape_.reset();
    offsets_.reset();
    return ++depth_;
  }
  bool key(string_t& text) {
    if (depth_ == 2 && !in_metadata_) {
      const bool again = (text == "dtype" && has_type_) || (text == "shape" && shape_) ||
                         (text == "data_offsets" && offsets_);
      if (again) wrong("'", current_.name, "' has more than one ", text);
      if (text != "dtype" && text != "shape" && text != "data_offsets")
        wrong("'", current_.name, "' has the unknown field '", text.substr(0, 32), "'");
    }
    key_ = std::move(text);
    return true;
  }
  bool end_object() {
    if (depth_-- == 1) return true;
    if (!in_metadata_) finish_tensor();
    in_metadata_ = false;
    return true;
  }
  bool start_array(std::size_t) {
    if (depth_ != 2 || in_metadata_ || key_ == "dtype") unexpected("an array");
    numbers_.clear();
    return ++depth_;
  }
  bool end_array() {
    --depth_;
    (key_ == "shape" ? shape_ : offsets_) = numbers_;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
    wrong("its header is no JSON from byte ", position, " on");
  }

  std::vector<StoredTensor> tensors;
  std::map<std::string, std::string> metadata;

 private:
  [[noreturn]] void unexpected(std::string_view what) {
    if (depth_ < 2) wrong("its header holds ", what, " where a table of tensors is due");
    wrong(what, " in the field '", key_.substr(0, 32), "' of '", current_.name, "'");
  }

  void finish_tensor() {
    if (!has_type_ || !shape_ || !offsets_)
      wrong("'", current_.name, "' lacks its dtype, shape or data_offsets");
    std::vector<std::int64_t> extents;
    for (std::uint64_t extent : *shape_) {
      if (extent > std::uint64_t(1) << 60) wrong("'", current_.name, "' has an extent of ", extent);
      extents.push_back(static_cast<std::int64_t>(extent));
    }
    current_.sizes = Sizes(extents);
    if (offsets_->size() != 2 || (*offsets_)[0] > (*offsets_)[1])
      wrong("'", current_.name, "' needs two ascending data_offsets");
    current_.begin = (*offsets_)[0];
    const std::uint64_t stored = (*offsets_)[1] - current_.begin;
    if (current_.sizes.count() > std::int64_t(1) << 59 || stored != current_.size_bytes())
      wrong("'", current_.name, "' is ", name_of(current_.type), ' ', text_of(current_.sizes),
            ", its offsets hold ", stored, " bytes");
    tensors.push_back(std::move(current_));
  }

  int depth_ = 0;
  bool in_metadata_ = false, has_type_ = false;
  std::string key_;
  StoredTensor current_;
  std::vector<std::uint64_t> numbers_;
  std::optional<std::vector<std::uint64_t>> shape_, offsets_;
};

}  // namespace

std::string_view name_of(StoredType type) { return type_table[static_cast<int>(type)].name; }
std::size_t size_of(StoredType type) { return type_table[static_cast<int>(type)].size; }

StoredType stored_type_of(DType type) {
  constexpr StoredType types[dtype_count] = {StoredType::f32,    StoredType::f16, StoredType::bf16,
                                             StoredType::i8,     StoredType::i32, StoredType::i64,
                                             StoredType::boolean};
  return types[static_cast<int>(type)];
}

std::size_t safetensors_header_size(std::span<const std::byte> prefix, std::uint64_t file_size) {
  if (prefix.size() < safetensors_prefix || file_size < safetensors_prefix)
    wrong("the file has ", file_size, " bytes, its header alone needs more");
  std::uint64_t size = 0;
  std::memcpy(&size, prefix.data(), sizeof size);
  if (size > most_safetensors_header)
    wrong("a header of ", size, " bytes is announced, at most ", most_safetensors_header,
          " are allowed; is this a safetensors file?");
  if (size > file_size - safetensors_prefix)
    wrong("a header of ", size, " bytes is announced, the file has ", file_size,
          "; it is truncated");
  return size;
}

SafetensorsContent parse_safetensors(std::span<const std::byte> header, std::uint64_t data_size) {
  const std::string_view text(reinterpret_cast<const char*>(header.data()), header.size());
  if (!text.starts_with('{')) wrong("its header does not begin with '{'");
  HeaderReader reader;
  nlohmann::json::sax_parse(text, &reader);

  std::vector<StoredTensor>& tensors = reader.tensors;
  std::ranges::sort(tensors, {},
                    [](const StoredTensor& t) { return std::pair(t.begin, t.size_bytes()); });
  std::uint64_t at = 0;
  const StoredTensor* before = nullptr;
  for (const StoredTensor& tensor : tensors) {
    if (tensor.begin < at) wrong("'", tensor.name, "' overlaps '", before->name, "'");
    if (tensor.begin > at)
      wrong(tensor.begin - at, " bytes before '", tensor.name,
            "' belong to no tensor, gaps are not allowed");
    at += tensor.size_bytes();
    if (at > data_size)
      wrong("'", tensor.name, "' reaches to byte ", at, " of ", data_size,
            "; the file is truncated");
    before = &tensor;
  }
  if (at != data_size) wrong(data_size - at, " bytes at its end belong to no tensor");
  std::ranges::sort(tensors, {}, &StoredTensor::name);
  const auto same = std::ranges::adjacent_find(tensors, {}, &StoredTensor::name);
  if (same != tensors.end()) wrong("the name '", same->name, "' appears twice");
  return {std::move(tensors), std::move(reader.metadata)};
}

std::string safetensors_header(std::span<const StoredTensor> tensors) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  std::uint64_t at = 0;
  for (const StoredTensor& tensor : tensors) {
    nlohmann::ordered_json& entry = header[tensor.name];
    if (!entry.is_null()) throw Error("checkpoint: the name '", tensor.name, "' appears twice");
    entry["dtype"] = name_of(tensor.type);
    entry["shape"] = std::vector<std::int64_t>(tensor.sizes.begin(), tensor.sizes.end());
    entry["data_offsets"] = {at, at + tensor.size_bytes()};
    at += tensor.size_bytes();
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    throw Error("checkpoint: a tensor's name is not valid UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');  // elements start aligned
  const std::uint64_t size = text.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof size) + text;
}

}  // namespace heed
