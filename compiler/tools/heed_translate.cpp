// heed-translate: contract 1's bytes → a program file, or the text of any phase on the way.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include "heed/runtime/abi/compiler_entry.h"

extern "C" void heed_compile(const heed::abi::CompileRequest* request,
                             heed::abi::CompileResult* result);

int main(int argc, char** argv) {
  CLI::App app{"compiles a network's graph bytes"};
  std::string input, output, target = "host", fusion = "all", print_after;
  std::vector<std::string> probes;
  app.add_option("graph", input, "file of graph bytes")->required()->check(CLI::ExistingFile);
  app.add_option("-o,--output", output, "program file to write");
  app.add_option("--target", target, "target's name");
  app.add_option("--fusion", fusion, "none, layout or all");
  app.add_option("--probe", probes, "module path of a probe to keep");
  app.add_option("--print-after", print_after,
                 "phases: graph, dialect, fused, kernels, llvm, asm, times");
  CLI11_PARSE(app, argc, argv);

  std::ifstream file(input, std::ios::binary);
  std::vector<char> graph{std::istreambuf_iterator<char>(file), {}};
  std::vector<const char*> names;
  for (const std::string& p : probes) names.push_back(p.c_str());
  heed::abi::CompileRequest request;
  request.graph = reinterpret_cast<const std::byte*>(graph.data());
  request.graph_size = graph.size();
  request.target = target.c_str();
  request.fusion = fusion.c_str();
  request.probes = names.data();
  request.probe_count = names.size();
  request.print_after = print_after.c_str();
  request.print = [](void*, const char* text, std::size_t size) {
    std::fwrite(text, 1, size, stdout);
  };
  heed::abi::CompileResult result;
  heed_compile(&request, &result);
  const char* bytes = reinterpret_cast<const char*>(result.bytes);
  int status = result.ok ? 0 : 1;
  if (!result.ok) {
    std::fprintf(stderr, "heed-translate: %.*s\n", static_cast<int>(result.size), bytes);
  } else if (!output.empty()) {
    std::ofstream out(output, std::ios::binary);
    if (!out.write(bytes, static_cast<std::streamsize>(result.size)).flush()) {
      std::fprintf(stderr, "heed-translate: cannot write '%s'\n", output.c_str());
      status = 1;
    }
  }
  result.release(result.bytes);
  return status;
}
