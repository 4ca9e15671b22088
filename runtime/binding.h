// A program's weights as its kernels want them, shared by the sessions on them.
#pragma once
#include <cstdint>
#include <vector>

#include "heed/runtime/checkpoint.h"
#include "heed/runtime/loaded_program.h"
#include "heed/runtime/parallel.h"
#include "heed/runtime/program.h"

namespace heed {

// Runs `prepare` once. A parameter is read when the first step needs it and dropped after the last,
// so that memory stays near one copy of the weights; parameters that steps read as they are stored
// are kept. Immutable afterwards.
class Binding {
 public:
  Binding(Program program, const Checkpoint& checkpoint, ThreadPool& pool);

  const Program& program() const { return program_; }
  // Address of what is shared: constants, parameters that were kept, prepared slots.
  void* address(const abi::BufferRef& ref) const;
  std::size_t size_bytes() const;  // of the weights kept

 private:
  void place_prepared();
  void run(const abi::Step& step, ThreadPool& pool, Memory& scratch);

  Program program_;
  Memory kept_;                       // the prepared slots that sessions read
  std::vector<Memory> parameters_;    // by parameter; empty where not in memory
  std::vector<Memory> temporaries_;   // by prepared slot; those only `prepare` itself uses
  std::vector<std::byte*> prepared_;  // by prepared slot
};

}  // namespace heed
