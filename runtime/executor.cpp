#include "heed/runtime/executor.h"

#include "heed/runtime/abi/kernel.h"
#include "heed/runtime/cpu_executor.h"
#include "heed/runtime/error.h"
#include "heed/runtime/vulkan/gpu.h"

namespace heed {
namespace {

std::string text_of_status(std::int32_t status) {
  if (status == abi::kernel_index_out_of_range)
    return "an index lies outside the table it is looked up in";
  return "its kernel returned status " + std::to_string(status);
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
  throw Error(when, ": step '", step.label, "' (", program.kernels[std::size_t(step.kernel)].kind,
              ") of '", program.name, "' failed: ", text_of_status(status));
}

}  // namespace heed
