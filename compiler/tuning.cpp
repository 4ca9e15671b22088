#include "heed/compiler/tuning.h"

#include <charconv>
#include <sstream>

namespace heed {
namespace {

template <class Number>
bool read(std::string_view text, Number& number, Number least, Number most) {
  Number found{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), found);
  if (error != std::errc() || end != text.data() + text.size() || found < least || found > most) return false;
  number = found;
  return true;
}

bool set(AttentionTuning& t, std::string_view name, std::string_view value) {
  constexpr std::int64_t most = 1 << 20;
  if (name == "key_block") return read<std::int64_t>(value, t.key_block, 64, 4096) && t.key_block % 64 == 0;
  if (name == "band_key_block") return read<std::int64_t>(value, t.band_key_block, 64, 4096) && t.band_key_block % 64 == 0;
  if (name == "block_tiles") return read<std::int64_t>(value, t.block_tiles, 1, 256);
  if (name == "inside_from") return read<std::int64_t>(value, t.inside_from, 0, most);
  if (name == "inside_share_of_l2") return read(value, t.inside_share_of_l2, 0.0, 1e6);
  if (name != "fuse" || (value != "yes" && value != "no")) return false;
  t.fuse = value == "yes";
  return true;
}

}  // namespace

std::string override_tuning(Tuning& tuning, std::string_view text) {
  std::istringstream stream{std::string(text)};
  for (std::string choice; std::getline(stream, choice, ',');) {
    const std::size_t equal = choice.find('=');
    if (equal == choice.npos || !set(tuning.attention, choice.substr(0, equal), choice.substr(equal + 1)))
      return "no choice of tuning is '" + choice +
             "'; they are fuse=yes, fuse=no, key_block=64…4096 and band_key_block=64…4096 by 64, block_tiles=1…256, inside_from=0…1048576 and "
             "inside_share_of_l2=0…1e6";
  }
  return {};
}

}  // namespace heed
