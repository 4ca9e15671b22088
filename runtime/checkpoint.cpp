#include "heed/runtime/checkpoint.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "heed/runtime/atomic_file.h"
#include "heed/runtime/convert.h"
#include "heed/runtime/error.h"
#include "heed/runtime/formula.h"

namespace heed {
namespace {

class File {
 public:
  explicit File(const std::filesystem::path& path) : name_(path.string()) {
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0)
      throw Error("checkpoint: cannot open '", name_, "': ", system_message(errno));
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
      ::close(descriptor_);
      throw Error("checkpoint: '", name_, "' is no regular file");
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
  File(const File&) = delete;
  ~File() { ::close(descriptor_); }

  std::uint64_t size() const { return size_; }
  void read(std::uint64_t at, std::span<std::byte> out) const {
    while (!out.empty()) {
      const ssize_t got = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(at));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Error("checkpoint: cannot read '", name_, "': ", system_message(errno));
      if (got == 0)
        throw Error("checkpoint: '", name_, "' ends at byte ", at, ", it had ", size_,
                    " when it was opened; it was truncated meanwhile");
      out = out.subspan(static_cast<std::size_t>(got));
      at += static_cast<std::uint64_t>(got);
    }
  }

 private:
  std::string name_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

constexpr std::size_t chunk_bytes = std::size_t(1) << 20;

}  // namespace

Checkpoint Checkpoint::open(const std::filesystem::path& path) {
  auto file = std::make_shared<const File>(path);
  // The parser does not know where its bytes are from.
  const auto named = [&](auto parse) {
    try {
      return parse();
    } catch (const Error& error) {
      throw Error(error.what(), " ('", path.string(), "')");
    }
  };
  std::byte prefix[safetensors_prefix];
  const auto start = std::span(prefix).first(std::min<std::size_t>(sizeof prefix, file->size()));
  file->read(0, start);
  std::vector<std::byte> header(
      named([&] { return safetensors_header_size(start, file->size()); }));
  file->read(safetensors_prefix, header);
  const std::uint64_t first = safetensors_prefix + header.size();
  Checkpoint result;
  result.origin_ = path.string();
  named([&] { result.set_content(parse_safetensors(header, file->size() - first)); });
  result.source_ = [file, first](const StoredTensor& tensor, std::uint64_t at,
                                 std::span<std::byte> out) {
    file->read(first + tensor.begin + at, out);
  };
  return result;
}

Checkpoint Checkpoint::from_bytes(std::span<const std::byte> bytes) {
  const std::size_t header = safetensors_header_size(
      bytes.first(std::min(bytes.size(), safetensors_prefix)), bytes.size());
  const std::span<const std::byte> elements = bytes.subspan(safetensors_prefix + header);
  Checkpoint result;
  result.origin_ = "memory";
  result.set_content(parse_safetensors(bytes.subspan(safetensors_prefix, header), elements.size()));
  auto copy = std::make_shared<const std::vector<std::byte>>(elements.begin(), elements.end());
  result.source_ = [copy](const StoredTensor& tensor, std::uint64_t at, std::span<std::byte> out) {
    if (!out.empty()) std::memcpy(out.data(), copy->data() + tensor.begin + at, out.size());
  };
  return result;
}

void Checkpoint::set_content(SafetensorsContent content) {
  tensors_ = std::move(content.tensors);
  metadata_ = std::move(content.metadata);
}

Checkpoint formula_checkpoint(std::span<const abi::TensorSpec> parameters) {
  Checkpoint result;
  result.origin_ = "formula";
  auto names = std::make_shared<std::vector<std::string>>();
  for (const abi::TensorSpec& parameter : parameters) {
    if (parameter.type.dtype != DType::f32 || !is_static(parameter.type.shape))
      throw Error("checkpoint: the formula gives f32 parameters, '", parameter.name, "' is ",
                  name_of(parameter.type.dtype), ' ', text_of(parameter.type.shape));
    std::vector<std::int64_t> extents;
    for (int axis = 0; axis < parameter.type.shape.rank; ++axis)
      extents.push_back(parameter.type.shape[axis].constant);
    result.tensors_.push_back({parameter.name, StoredType::f32, Sizes(extents), names->size()});
    names->push_back(parameter.name);
  }
  std::ranges::sort(result.tensors_, {}, &StoredTensor::name);
  // `begin` is the index of the name, which renaming leaves alone.
  result.source_ = [names](const StoredTensor& tensor, std::uint64_t at, std::span<std::byte> out) {
    const std::span shape(tensor.sizes.begin(), tensor.sizes.end());
    const auto count = static_cast<std::size_t>(tensor.sizes.count());
    if (out.size() ==
        tensor.size_bytes())  // in place: the address is aligned for it, see Checkpoint::read
      return formula_fill((*names)[tensor.begin], shape,
                          {reinterpret_cast<float*>(out.data()), count});
    std::vector<float> all(count);
    formula_fill((*names)[tensor.begin], shape, all);
    std::memcpy(out.data(), std::as_bytes(std::span(all)).data() + at, out.size());
  };
  return result;
}

Checkpoint Checkpoint::rename(const Rename& rename) const {
  Checkpoint result;
  result.origin_ = origin_;
  std::vector<std::pair<std::string, const StoredTensor*>> renamed;
  for (const StoredTensor& tensor : tensors_)
    if (std::string name = rename(tensor.name); !name.empty())
      renamed.emplace_back(std::move(name), &tensor);
  std::ranges::sort(renamed);
  for (std::size_t i = 0; i < renamed.size(); ++i) {
    if (i && renamed[i].first == renamed[i - 1].first)
      throw Error("checkpoint: '", renamed[i - 1].second->name, "' and '", renamed[i].second->name,
                  "' are both renamed to '", renamed[i].first, "'");
    result.tensors_.push_back(*renamed[i].second);
    result.tensors_.back().name = renamed[i].first;
  }
  result.metadata_ = metadata_;
  result.source_ = source_;
  return result;
}

const StoredTensor* Checkpoint::find(std::string_view name) const {
  const auto at = std::ranges::lower_bound(tensors_, name, {}, &StoredTensor::name);
  return at != tensors_.end() && at->name == name ? &*at : nullptr;
}

void Checkpoint::read(const StoredTensor& tensor, DType type, std::span<std::byte> out) const {
  const auto count = static_cast<std::size_t>(tensor.sizes.count());
  if (!converts(tensor.type, type))
    throw Error("checkpoint: '", tensor.name, "' is stored as ", name_of(tensor.type),
                " and cannot be read as ", name_of(type));
  if (out.size() != count * size_of(type))
    throw Error("checkpoint: '", tensor.name, "' has ", count * size_of(type), " bytes as ",
                name_of(type), ", the room for it ", out.size());
  if (tensor.type == stored_type_of(type) && type != DType::boolean) return source_(tensor, 0, out);
  const std::size_t step = chunk_bytes / size_of(tensor.type);
  std::vector<std::byte> chunk(std::min(step, count) * size_of(tensor.type));
  for (std::size_t at = 0; at < count; at += step) {
    const std::size_t n = std::min(step, count - at);
    const std::span<std::byte> stored = std::span(chunk).first(n * size_of(tensor.type));
    source_(tensor, at * size_of(tensor.type), stored);
    convert(tensor.type, stored, type, out.subspan(at * size_of(type), n * size_of(type)));
  }
}

Tensor Checkpoint::read(std::string_view name) const {
  const StoredTensor* tensor = find(name);
  if (!tensor) throw Error("checkpoint: '", origin_, "' has no tensor '", name, "'");
  for (int type = 0; type < dtype_count; ++type) {
    const auto dtype = static_cast<DType>(type);
    if (tensor->type != StoredType::f64 && tensor->type != stored_type_of(dtype)) continue;
    Tensor result(dtype, tensor->sizes);
    read(*tensor, dtype, {static_cast<std::byte*>(result.data()), result.size_bytes()});
    return result;
  }
  throw Error("checkpoint: '", name, "' is stored as ", name_of(tensor->type),
              ", which tensors do not hold");
}

void save_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors) {
  std::vector<StoredTensor> stored;
  for (const NamedTensor& named : tensors)
    stored.push_back({named.name, stored_type_of(named.tensor->dtype()), named.tensor->sizes()});
  const std::string header = safetensors_header(stored);
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(header)));
  for (const NamedTensor& named : tensors)
    file.write({static_cast<const std::byte*>(named.tensor->data()), named.tensor->size_bytes()});
  file.commit();
}

}  // namespace heed
