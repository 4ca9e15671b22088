// From a network's graph to a program, by the compiler library, which is loaded for this only.
#pragma once
#include <cstddef>
#include <functional>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "heed/runtime/program.h"

namespace heed {

struct Options {
  // host, reference (plain loops, the oracle), x86-64-avx512, …, vulkan
  std::string target = "host";
  std::string fusion = "all";   // none (one kernel an op), layout, all
  int threads = 0;  // of a session and to compile on; 0: one a core that this process may use
  // Overrides what was tuned for the target ("key_block=128,fuse=no"; compiler/tuning.h), to
  // measure whether it was tuned well.
  std::string tuning;
  std::vector<std::string> probes;  // module paths of the probe<>s to be given out by run
  // comma separated phases: graph, dialect, fused, kernels, llvm, asm, times
  std::string print_after;
  std::ostream* print_to = nullptr;  // where they are printed; nullptr: standard error
  // Directory of compiled programs; what is found there needs no compiler. "off": none. Empty: the
  // environment variable HEED_CACHE says so, and where it is not set, heed in XDG_CACHE_HOME or in
  // ~/.cache is taken. Not asked when something is to be printed.
  std::string cache;
  // Told what is no error but worth knowing: why a chain was not fused, why nothing was cached.
  // Where there is none, remarks go to standard error if HEED_REMARKS=1 is set, and nowhere else.
  std::function<void(std::string_view)> remark;
};

// Compiles encoded contract 1. The compiler is searched for in the environment variable
// HEED_COMPILER if it is set, and otherwise beside libheed.so, beside the executable, in ../lib and
// on the system's library path. Throws Error with the compiler's sentence when it refuses the
// graph.
Program load_graph(std::span<const std::byte> graph, const Options& options = {});

}  // namespace heed
