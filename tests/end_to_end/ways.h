// On what the tests of whole programs run.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "heed/runtime/compile.h"

namespace heed::oracle {

// The targets a test runs on, or the one that HEED_ORACLE_TARGET names.
inline std::vector<std::string> targets(std::vector<std::string> usual) {
  if (const char* only = std::getenv("HEED_ORACLE_TARGET")) return {only};
  return usual;
}

// Options for each of them, on one thread: fused, and on those that `unfused` names unfused, too.
inline std::vector<Options> ways(const std::vector<std::string>& usual,
                                 const std::vector<std::string>& unfused = {}) {
  std::vector<Options> list;
  for (const std::string& target : targets(usual))
    for (const char* fusion : {"all", "none"}) {
      if (std::string(fusion) == "none" && std::ranges::find(unfused, target) == unfused.end())
        continue;
      Options& way = list.emplace_back();
      way.target = target;
      way.fusion = fusion;
      way.threads = 1;
    }
  return list;
}

}  // namespace heed::oracle
