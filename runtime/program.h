// A compiled network, ready to be given weights.
#pragma once
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "heed/runtime/abi/program.h"
#include "heed/runtime/checkpoint.h"

namespace heed {

class Session;

namespace detail {
struct LoadedProgram;
}

// Immutable and cheap to copy: copies share data and code, and any number of threads may use one.
class Program {
 public:
  // Loads the code. Throws Error when this CPU, or the GPU of a program for one, lacks what the
  // code needs and when code and data disagree. threads: what sessions get by default, 0 for one a
  // core.
  explicit Program(abi::Program data, int threads = 0, double compile_ms = 0);
  // The file that `save` writes: ahead-of-time compiled, no compiler is needed to run it.
  static Program open(const std::filesystem::path& path, int threads = 0);
  void save(const std::filesystem::path& path) const;

  // Packs the weights for this program and opens a first session on them. Throws Error when the
  // checkpoint is not laid out as parameters() says. threads < 0: as this program was loaded with.
  Session bind(const Checkpoint& checkpoint, int threads = -1) const;

  const std::string& name() const;
  const std::string& target() const;
  std::span<const abi::TensorSpec> inputs() const;
  std::span<const abi::TensorSpec> outputs() const;     // results, then probes
  std::span<const abi::TensorSpec> parameters() const;  // what bind needs
  double compile_ms() const;                            // 0 for a program from a file or cache
  const abi::Program& data() const;
  const detail::LoadedProgram& loaded() const;

 private:
  std::shared_ptr<const detail::LoadedProgram> loaded_;
};

}  // namespace heed
