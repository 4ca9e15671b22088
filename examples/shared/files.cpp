#include "files.h"

#include <algorithm>
#include <fstream>

#include "heed/runtime/error.h"

namespace heed::examples {
namespace {

namespace fs = std::filesystem;

fs::path executable_folder() { return fs::read_symlink("/proc/self/exe").parent_path(); }

}  // namespace

fs::path example_file(const std::string& name) {
  const fs::path source = fs::path(HEED_EXAMPLES_DIR) / name;
  if (fs::exists(source)) return source;
  const fs::path installed = executable_folder() / "examples" / name;
  if (fs::exists(installed)) return installed;
  throw Error("examples: '", name, "' is neither '", source.string(), "' nor '",
              installed.string(), "'");
}

fs::path example_file(const std::string& name, const std::string& given) {
  return given.empty() ? example_file(name) : fs::path(given);
}

std::vector<fs::path> example_files(const std::string& folder, const std::string& prefix) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(example_file(folder)))
    if (entry.path().filename().string().starts_with(prefix)) found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

std::vector<std::string> lines_of(const fs::path& file) {
  std::ifstream stream(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

fs::path output_file(const std::string& name, const std::string& given) {
  return given.empty() ? executable_folder() / name : fs::path(given);
}

std::string shown(const fs::path& path) {
  const std::string from_here = fs::proximate(path).string();
  return from_here.size() < path.string().size() ? from_here : path.string();
}

}  // namespace heed::examples
