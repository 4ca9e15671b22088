// Compiles kernel ops written as .mlir text and runs them: the way tests get from an op to numbers.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "heed/dsl/graph/shape.h"

namespace heed::test {

// A dense tensor's elements, in and out as doubles (exact for every dtype but large i64).
struct Array {
  Array() = default;
  Array(DType dtype, std::size_t count) : dtype(dtype), bytes(count * size_of(dtype)) {}
  Array(DType dtype, const std::vector<double>& numbers);
  std::size_t size() const { return bytes.size() / size_of(dtype); }
  std::vector<double> numbers() const;
  bool operator==(const Array&) const = default;

  DType dtype = DType::f32;
  std::vector<std::byte> bytes;
};

using Symbols = std::map<std::string, std::int64_t>;  // {{"B", 3}}

// Bytes that no kernel has written.
inline constexpr std::byte untouched{0xA5};

struct Outcome {
  std::int32_t status = 0;     // of the kernels, abi::KernelStatus
  std::vector<Array> results;  // what the function returns
};

// How the tensors that the kernels make lie in memory.
enum class Placement {
  dense,   // row major, 64-byte aligned
  sliced,  // scattered in larger buffers, as the parts of a concatenation are
};

class KernelRunner {
 public:
  // `text`: one func.func of kernel ops and a return. Throws std::runtime_error with the
  // diagnostics.
  KernelRunner(std::string_view text, const std::string& target,
               Placement placement = Placement::dense);
  ~KernelRunner();

  // The work range of every launch is cut into about `pieces` ranges, run in an order of threads.
  // Throws where a kernel writes outside its tensors.
  Outcome run(const std::vector<Array>& inputs, const Symbols& symbols = {},
              std::int64_t pieces = 1) const;
  // Numbers in [-1, 1], bools and integers 0 or 1, from the seed alone, for every argument.
  std::vector<Array> inputs(const Symbols& symbols = {}, unsigned seed = 1) const;

  double compile_milliseconds() const;
  const std::string& assembly() const;
  std::size_t object_bytes() const;

 private:
  struct Program;
  std::unique_ptr<Program> program;
};

}  // namespace heed::test
