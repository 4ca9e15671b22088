// The compiler library's one entry point. libheed loads it by name when a program has to be
// compiled, so that a process that has its programs never maps LLVM.
#pragma once
#include <cstddef>
#include <cstdint>

namespace heed::abi {

inline constexpr std::uint32_t compiler_entry_version = 2;
inline constexpr const char* compiler_entry_name = "heed_compile";
inline constexpr const char* compiler_library_name = "libheed_compiler.so";

struct CompileRequest {
  std::uint32_t version = compiler_entry_version;
  const std::byte* graph = nullptr;        // contract 1's bytes
  std::size_t graph_size = 0;
  // host, reference, or a name that Program::target can have
  const char* target = "host";
  const char* fusion = "all";              // none, layout, all
  const char* const* probes = nullptr;     // module paths of the probes to keep
  std::size_t probe_count = 0;
  const char* tuning = "";                 // overrides of the target's tuning, "name=value,…"
  // comma separated phases: graph, dialect, fused, kernels, llvm, asm, times
  const char* print_after = "";
  void (*print)(void* context, const char* text, std::size_t size) = nullptr;
  void* print_context = nullptr;
  std::int32_t threads = 0;                // compile on at most this many threads; 0: one per core
};

// `bytes` is a program (write_program) on success and a message otherwise; release it with
// `release`.
struct CompileResult {
  std::int32_t ok = 0;
  std::byte* bytes = nullptr;
  std::size_t size = 0;
  void (*release)(std::byte*) = nullptr;
};

using CompileEntry = void (*)(const CompileRequest*, CompileResult*);

}  // namespace heed::abi
