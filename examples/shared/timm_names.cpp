#include "timm_names.h"

#include <regex>

namespace heed::examples {

Checkpoint with_timm_names(const Checkpoint& checkpoint) {
  const bool old = checkpoint.find("head.weight") != nullptr;
  return checkpoint.rename([old](std::string_view name) -> std::string {
    if (name.ends_with(".relative_position_index") || name.ends_with(".attn_mask")) return "";
    std::string text(name);
    if (!old) return text;
    if (name.starts_with("head.")) return "head.fc." + text.substr(5);
    std::smatch merge;
    if (std::regex_match(text, merge, std::regex("layers\\.([0-9])\\.(downsample\\..*)")))
      return "layers." + std::to_string(std::stoi(merge[1]) + 1) + "." + merge[2].str();
    return text;
  });
}

}  // namespace heed::examples
