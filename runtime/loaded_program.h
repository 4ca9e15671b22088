// A program's data together with its code in memory; what Program, Binding and Session share.
#pragma once
#include <memory>
#include <vector>

#include "heed/runtime/abi/kernel.h"
#include "heed/runtime/abi/program.h"
#include "heed/runtime/code.h"
#include "heed/runtime/memory.h"

namespace heed::vulkan {
class Kernels;
}

namespace heed::detail {

struct LoadedProgram {
  abi::Program data;  // without `constants` and `code`, which are below
  std::vector<Code> code;  // by object; none for a GPU
  Memory constants;
  std::vector<abi::Kernel> kernels;  // by index into data.kernels; none for a GPU
  std::shared_ptr<const vulkan::Kernels> gpu;  // for a GPU only
  int threads = 0;
  double compile_ms = 0;
  std::vector<std::vector<std::byte>> objects;  // the code as it came, for saving
};

}  // namespace heed::detail
