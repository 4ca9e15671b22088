#include "heed/compiler/tuning.h"

#include <algorithm>
#include <charconv>

namespace heed {
namespace {

template <class Number>
bool read(std::string_view text, Number& number, Number least, Number most) {
  Number found{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), found);
  if (error != std::errc() || end != text.data() + text.size() || found < least || found > most)
    return false;
  number = found;
  return true;
}
bool read(std::string_view text, std::optional<std::int64_t>& number, std::int64_t least,
          std::int64_t most) {
  return read(text, number.emplace(), least, most);
}

bool set(AttentionTuning& t, std::string_view name, std::string_view value) {
  if (name == "fuse") {
    t.fuse = value == "yes";
    return value == "yes" || value == "no";
  }
  if (name == "key_block") return read(value, t.key_block, 64, 4096) && *t.key_block % 64 == 0;
  if (name == "block_tiles") return read(value, t.block_tiles, 1, 256);
  const auto cost = std::ranges::find(AttentionCosts::names, name);
  return cost != AttentionCosts::names.end() &&
         read(value, t.costs.ns[std::size_t(cost - AttentionCosts::names.begin())], 0.0, 1e9);
}

}  // namespace

std::string override_tuning(Tuning& tuning, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(",\n"), text.size());
    const std::string_view choice = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (choice.empty()) continue;
    const std::size_t equal = choice.find('=');
    if (equal != choice.npos &&
        set(tuning.attention, choice.substr(0, equal), choice.substr(equal + 1)))
      continue;
    std::string costs;
    for (const char* name : AttentionCosts::names)
      costs += std::string(costs.empty() ? "" : ", ") + name;
    return "no choice of tuning is '" + std::string(choice) +
           "'; they are fuse=yes, fuse=no, key_block=64…4096 by 64, block_tiles=1…256 and "
           "nanoseconds from 0 to 1e9 for " + costs;
  }
  return {};
}

}  // namespace heed
