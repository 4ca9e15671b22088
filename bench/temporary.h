// A folder that goes with its user.
#pragma once
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "heed/runtime/error.h"

namespace heed::bench {

struct TemporaryFolder {
  TemporaryFolder() {
    if (!mkdtemp(path.data())) throw Error("bench: no temporary folder '", path, "'");
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::string path = std::filesystem::temp_directory_path() / "heed_bench_XXXXXX";
};

}  // namespace heed::bench
