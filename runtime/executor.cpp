#include "heed/runtime/executor.h"

#include <algorithm>
#include <string_view>

#include "heed/dsl/graph/check.h"
#include "heed/runtime/abi/kernel.h"
#include "heed/runtime/cpu_executor.h"
#include "heed/runtime/error.h"
#include "heed/runtime/vulkan/gpu.h"

namespace heed {
namespace {

std::string text_of_status(std::int32_t status, std::string_view kind) {
  if (status == abi::kernel_index_out_of_range)
    return kind == graph::append_kind
               ? "its rows do not fit: a position is below 0, or with the number of rows behind it "
                 "more than the cache's capacity; make the capacity larger"
               : "an index lies outside the table it is looked up in";
  return "its kernel returned status " + std::to_string(status);
}

// "expects a temperature above 0" of a check's module path; empty for other paths.
std::string expectation(std::string path) {
  const std::size_t name = path.rfind('.') + 1;  // 0 where there is no dot
  if (!std::string_view(path).substr(name).starts_with(graph::check_name)) return "";
  std::ranges::replace(path, '_', ' ');
  return path.substr(name);
}

}  // namespace

std::unique_ptr<Executor> make_executor(const Program& program, const Checkpoint& checkpoint,
                                        int threads) {
  if (program.data().format == abi::CodeFormat::spirv)
    return vulkan::make_executor(program, checkpoint);
  return make_cpu_executor(program, checkpoint, threads);
}

void throw_failed_step(const abi::Program& program, const abi::Step& step, const char* when,
                       std::int32_t status) {
  if (status == abi::kernel_index_out_of_range)
    if (std::string expected = expectation(step.label); !expected.empty())
      throw Error(when, ": '", program.name, "' ", expected, ", which does not hold in this run");
  const std::string& kind = program.kernels[std::size_t(step.kernel)].kind;
  throw Error(when, ": step '", step.label, "' (", kind, ") of '", program.name,
              "' failed: ", text_of_status(status, kind));
}

}  // namespace heed
