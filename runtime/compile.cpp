#include "heed/runtime/compile.h"

#include <dlfcn.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string_view>

#include "heed/runtime/abi/compiler_entry.h"
#include "heed/runtime/build_identity.h"
#include "heed/runtime/error.h"
#include "heed/runtime/program_cache.h"
#include "heed/runtime/vulkan/gpu.h"

namespace heed {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> candidates() {
  const char* chosen = std::getenv("HEED_COMPILER");
  if (chosen && *chosen) return {chosen};
  std::vector<fs::path> paths;
  std::error_code ignored;
  Dl_info self{};
  if (dladdr(reinterpret_cast<void*>(&load_graph), &self) && self.dli_fname)
    paths.push_back(fs::absolute(self.dli_fname, ignored).parent_path() /
                    abi::compiler_library_name);
  const fs::path executable = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  paths.push_back(executable / abi::compiler_library_name);
  paths.push_back(executable.parent_path() / "lib" / abi::compiler_library_name);
  return paths;
}

abi::CompileEntry find_compiler() {
  std::string tried;
  auto open = [&](const std::string& name) -> void* {
    void* library = dlopen(name.c_str(), RTLD_LAZY | RTLD_LOCAL);
    if (!library) tried += "\n  " + std::string(dlerror());
    return library;
  };
  void* library = nullptr;
  const bool chosen = std::getenv("HEED_COMPILER") && *std::getenv("HEED_COMPILER");
  for (const fs::path& path : candidates())
    if (!library && (chosen || fs::exists(path))) library = open(path.string());
  if (!library && !chosen) library = open(abi::compiler_library_name);
  if (!library)
    throw Error("compiler: ", abi::compiler_library_name,
                " cannot be loaded; build it (HEED_MLIR) or set ",
                "HEED_COMPILER to its path:", tried);
  void* entry = dlsym(library, abi::compiler_entry_name);
  if (!entry)
    throw Error("compiler: the library has no function '", abi::compiler_entry_name,
                "'; it is not the compiler or one of another version");
  return reinterpret_cast<abi::CompileEntry>(entry);
}

// Loaded once and never unloaded: LLVM does not support that.
abi::CompileEntry compiler() {
  static const abi::CompileEntry entry = find_compiler();
  return entry;
}

void print(void* context, const char* text, std::size_t size) {
  static_cast<std::ostream*>(context)->write(text, static_cast<std::streamsize>(size));
}

// Frees the compiler's answer.
struct Answer : abi::CompileResult {
  ~Answer() {
    if (release) release(bytes);
  }
};

// Throws Error with the compiler's sentence when it refuses.
void request_program(std::span<const std::byte> graph, const Options& options, Answer& answer) {
  std::vector<const char*> probes;
  for (const std::string& probe : options.probes) probes.push_back(probe.c_str());
  abi::CompileRequest request;
  request.graph = graph.data();
  request.graph_size = graph.size();
  request.target = options.target.c_str();
  request.fusion = options.fusion.c_str();
  request.probes = probes.data();
  request.probe_count = probes.size();
  request.tuning = options.tuning.c_str();
  request.print_after = options.print_after.c_str();
  request.print = print;
  request.print_context = options.print_to ? options.print_to : &std::cerr;
  request.threads = options.threads;
  compiler()(&request, &answer);
  if (!answer.ok)
    throw Error("compiler: ", std::string_view(reinterpret_cast<const char*>(answer.bytes),
                                               answer.bytes ? answer.size : 0));
}

// All that the program depends on; nullopt where the compiler is not a file to be found by its
// path.
std::optional<CacheKey> cache_key(std::span<const std::byte> graph, const Options& options) {
  static constexpr std::string_view below[] = {"libLLVM", "libMLIR"};
  CacheKey key;
  key.add(graph);
  key.add(options.target);
  key.add(options.fusion);
  key.add(options.tuning);
  for (const std::string& probe : options.probes) key.add(probe);
  key.add_cpu();
  key.add(std::to_string(abi::program_version));
  for (const fs::path& path : candidates())
    if (const std::string build = build_identity(path, below); !build.empty()) {
      key.add(build);
      return key;
    }
  return {};
}

fs::path cache_directory(const Options& options) {
  if (!options.print_after.empty() || options.cache == "off") return {};
  return options.cache.empty() ? ProgramCache::directory_of_user() : fs::path(options.cache);
}

ProgramCache::Remark remark_of(const Options& options) {
  if (options.remark) return options.remark;
  const char* wanted = std::getenv("HEED_REMARKS");
  if (!wanted || std::string_view(wanted) != "1") return [](std::string_view) {};
  return [](std::string_view sentence) { std::cerr << "heed: " << sentence << '\n'; };
}

}  // namespace

Program load_graph(std::span<const std::byte> graph, const Options& given) {
  const auto begin = std::chrono::steady_clock::now();
  Options options = given;
  // Asked for first: nobody waits for a program that cannot be run.
  const auto device = options.target.starts_with("vulkan") ? vulkan::open_device() : nullptr;
  if (options.target == "vulkan") options.target = vulkan::target_of(*device);
  const ProgramCache::Remark remark = remark_of(options);
  const ProgramCache cache(cache_directory(options), remark);
  const auto key = cache.keeps() ? cache_key(graph, options) : std::nullopt;
  std::optional<Program> program;
  if (std::optional<abi::Program> cached = key ? cache.read(*key) : std::nullopt) try {
      program.emplace(std::move(*cached), options.threads);
    } catch (const Error& problem) {
      remark(std::string("cache: a program is compiled again: ") + problem.what());
    }
  if (!program) {
    Answer answer;
    request_program(graph, options, answer);
    abi::Program data = abi::read_program({answer.bytes, answer.size});
    if (key) cache.write(*key, data);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    program.emplace(std::move(data), options.threads, took.count());
  }
  for (const std::string& sentence : program->data().remarks) remark(sentence);
  return *program;
}

}  // namespace heed
