// Trained weights: tensors by name, read when a program is bound to them.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "heed/runtime/abi/program.h"
#include "heed/runtime/safetensors.h"
#include "heed/runtime/tensor.h"

namespace heed {

// Copies share the file. Elements are read on demand and never mapped, so that a file truncated
// while it is in use gives an Error.
class Checkpoint {
 public:
  // A safetensors file. Throws Error on every malformed one, at once and not when it is read.
  static Checkpoint open(const std::filesystem::path& path);
  // The same from memory, which is copied.
  static Checkpoint from_bytes(std::span<const std::byte> bytes);

  // The same tensors under the names that `rename` gives; an empty name leaves the tensor out.
  // Throws Error when two get the same name.
  using Rename = std::function<std::string(std::string_view name)>;
  Checkpoint rename(const Rename& rename) const;

  // What the file's writer noted beside the tensors.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  // By ascending name.
  std::span<const StoredTensor> tensors() const { return tensors_; }
  const StoredTensor* find(std::string_view name) const;  // nullptr where there is none

  // Reads all elements as `type`. Floats of any size convert to floats, rounded to nearest; all
  // other types must be stored as they are read. `out` has room for exactly these elements and is
  // aligned for them.
  void read(const StoredTensor& tensor, DType type, std::span<std::byte> out) const;
  Tensor read(std::string_view name) const;  // f64 as f32, all else as stored

  // Throws one Error that lists all that keeps these tensors from being `parameters`: missing names
  // with the nearest one there is, wrong shapes and types, unexpected names.
  void require(std::span<const abi::TensorSpec> parameters, std::string_view network) const;

  const std::string& origin() const { return origin_; }  // the file's path, for messages

 private:
  friend Checkpoint formula_checkpoint(std::span<const abi::TensorSpec> parameters);
  // Reads bytes [at, at + out.size()) of a tensor's elements as stored; throws Error.
  using Source =
      std::function<void(const StoredTensor& tensor, std::uint64_t at, std::span<std::byte> out)>;

  void set_content(SafetensorsContent content);

  std::string origin_;
  std::vector<StoredTensor> tensors_;
  std::map<std::string, std::string> metadata_;
  Source source_;
};

// Weights that follow from the parameters' names (formula.h), for tests and benchmarks. f32 only.
Checkpoint formula_checkpoint(std::span<const abi::TensorSpec> parameters);

struct NamedTensor {
  std::string name;
  const Tensor* tensor = nullptr;
};
// Writes a safetensors file; it appears whole or not at all.
void save_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors);

}  // namespace heed
