// Names of compiled functions for `perf report`.
#pragma once
#include "heed/runtime/loaded_program.h"

namespace heed {

// Appends to /tmp/perf-<pid>.map, where perf looks for code without a file: "k3_attention
// blocks.0.attn +11", the steps that run the kernel after its symbol. Programs do so when the
// environment variable HEED_PERF_MAP is set. Throws Error.
void write_perf_map(const detail::LoadedProgram& program);

}  // namespace heed
