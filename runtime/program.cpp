#include "heed/runtime/program.h"

#include <cstdlib>
#include <cstring>

#include "heed/runtime/abi/program_check.h"
#include "heed/runtime/atomic_file.h"
#include "heed/runtime/cpu.h"
#include "heed/runtime/error.h"
#include "heed/runtime/loaded_program.h"
#include "heed/runtime/perf_map.h"
#include "heed/runtime/session.h"
#include "heed/runtime/vulkan/gpu.h"

namespace heed {

Program::Program(abi::Program data, int threads, double compile_ms) {
  abi::check_program(data);
  require_cpu(data.features, data.name);
  auto loaded = std::make_shared<detail::LoadedProgram>();
  if (data.format == abi::CodeFormat::spirv) {
    loaded->gpu = vulkan::load_kernels(data);
  } else {
    loaded->code = link_objects(data.code);
    for (const abi::KernelEntry& kernel : data.kernels)
      loaded->kernels.push_back(reinterpret_cast<abi::Kernel>(
          loaded->code[std::size_t(kernel.object)].address(kernel.symbol)));
  }
  loaded->constants = Memory(data.constants.size(), "program constants");
  if (!data.constants.empty())
    std::memcpy(loaded->constants.data(), data.constants.data(), data.constants.size());
  loaded->objects = std::move(data.code);
  data.constants = {};
  data.code = {};
  loaded->data = std::move(data);
  loaded->threads = threads;
  loaded->compile_ms = compile_ms;
  if (std::getenv("HEED_PERF_MAP")) write_perf_map(*loaded);
  loaded_ = std::move(loaded);
}

Program Program::open(const std::filesystem::path& path, int threads) {
  return Program(abi::read_program(read_file(path).bytes), threads);
}

void Program::save(const std::filesystem::path& path) const {
  abi::Program whole = data();
  whole.key.clear();  // the same file, cached before or not
  whole.code = loaded_->objects;
  const std::span<const std::byte> constants = loaded_->constants.bytes();
  whole.constants.assign(constants.begin(), constants.end());
  write_file(path, abi::write_program(whole));
}

const detail::LoadedProgram& Program::loaded() const {
  if (!loaded_) throw Error("program: it was moved from; copies are cheap");
  return *loaded_;
}

Session Program::bind(const Checkpoint& checkpoint, int threads) const {
  const int usual = loaded().threads;
  return Session(*this, checkpoint, threads < 0 ? usual : threads);
}

const std::string& Program::name() const { return data().name; }
const std::string& Program::target() const { return data().target; }
std::span<const abi::TensorSpec> Program::inputs() const { return data().inputs; }
std::span<const abi::TensorSpec> Program::outputs() const { return data().outputs; }
std::span<const abi::TensorSpec> Program::parameters() const { return data().parameters; }
double Program::compile_ms() const { return loaded().compile_ms; }
const abi::Program& Program::data() const { return loaded().data; }

}  // namespace heed
