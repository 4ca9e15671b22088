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

// The first place where they differ by more than tolerance · max(1, |expected|), or where one is a
// NaN alone; the worst one is printed. Empty where all is well.
std::string difference(const std::vector<double>& actual, const std::vector<double>& expected,
                       double tolerance);

// Runs `text` on a target and on "reference": same numbers within the tolerance, and the same bits
// for every cut of the work range and for results that are slices. Says what is wrong, or nothing.
std::string compare_with_reference(std::string_view text, const std::string& target,
                                   const Symbols& symbols, double tolerance,
                                   const std::vector<Array>& inputs = {});
// How `text` ends on a target.
Outcome outcome_of(std::string_view text, const std::string& target, const Symbols& symbols,
                   const std::vector<Array>& inputs);
// Targets that emit vector code and run on this CPU, or the one that HEED_KERNEL_TARGET names.
std::vector<std::string> vector_targets();

}  // namespace heed::test
