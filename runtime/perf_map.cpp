#include "heed/runtime/perf_map.h"

#include <unistd.h>

#include <cstdio>
#include <map>
#include <string>
#include <string_view>

#include "heed/runtime/error.h"

namespace heed {
namespace {

// The module paths behind each kernel: the first, and how many follow.
std::map<std::string_view, std::string> users(const abi::Program& program) {
  std::map<std::string_view, std::pair<std::string, int>> found;
  for (const auto* steps : {&program.prepare, &program.steps})
    for (const abi::Step& step : *steps) {
      auto& [label, others] = found[program.kernels[std::size_t(step.kernel)].symbol];
      if (label.empty())
        label = step.label;
      else
        ++others;
    }
  std::map<std::string_view, std::string> text;
  for (const auto& [symbol, user] : found)
    text[symbol] = user.first + (user.second ? " +" + std::to_string(user.second) : "");
  return text;
}

}  // namespace

void write_perf_map(const detail::LoadedProgram& program) {
  const auto user = users(program.data);
  std::string lines;
  for (const Code& code : program.code)
    for (const Code::Symbol& symbol : code.symbols()) {
      char place[48];
      std::snprintf(place, sizeof place, "%zx %zx ", symbol.address, symbol.size);
      lines += place + symbol.name;
      // An entry calls its body, "<name>.body".
      const auto found = user.find(std::string_view(symbol.name).substr(0, symbol.name.find('.')));
      if (found != user.end()) lines += ' ' + found->second;
      lines += '\n';
    }
  const std::string path = "/tmp/perf-" + std::to_string(getpid()) + ".map";
  std::FILE* file = std::fopen(path.c_str(), "a");
  if (!file) throw Error("code: cannot append to ", path, ", which HEED_PERF_MAP asks for");
  std::fwrite(lines.data(), 1, lines.size(), file);
  std::fclose(file);
}

}  // namespace heed
