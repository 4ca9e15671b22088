// Runs compiled x86-64 code on a pool of threads.
#pragma once
#include "heed/runtime/executor.h"

namespace heed {

std::unique_ptr<Executor> make_cpu_executor(const Program& program, const Checkpoint& checkpoint,
                                            int threads);

}  // namespace heed
